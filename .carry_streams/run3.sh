cd $(dirname $0); t0=$(date +%s)
export GTEST_TOTAL_SHARDS=15
F='All/SpreadHeadsStreams.LstmBfloat16/*:All/SpreadHeadsStreams.SlstmFloat16/*:All/SpreadHeadsStreams.GruFloat32/*:All/SpreadHeadsStreams.ElmanReluFloat16/*:All/SpreadHeadsStreams.LstmFloat32/*:All/SpreadHeadsValues.LstmBfloat16/*:All/SpreadHeadsValues.SlstmFloat16/*:All/SpreadHeadsFloat32.Gru/d256*'
for i in $(seq 0 14); do (GTEST_SHARD_INDEX=$i timeout 80 ./values --gtest_filter="$F" > /tmp/v$i.txt 2>&1; echo "shard $i rc $?" >> /tmp/v$i.txt) & done; wait
cat /tmp/v*.txt > $OUT/values.txt; grep -E "^\[  FAILED" $OUT/values.txt | grep -o "All/[A-Za-z0-9/_.]*" | sort | uniq; grep -E "rc 124" $OUT/values.txt;  grep -c "       OK" $OUT/values.txt
echo "tests $(( $(date +%s)-t0 )) s"
unset GTEST_TOTAL_SHARDS
timeout 60 ./tool bench b1.txt 7 | sed 's/measured/M/; s/predicted/P/' | cut -c1-170
timeout 40 ./tool bench s1.txt 9| cut -c10-140 > $OUT/new.txt; timeout 40 ./tool.old bench s1o.txt 9 | cut -c10-140 > $OUT/old.txt
echo "all $(( $(date +%s)-t0 )) s"
for e in "" "AHEAD0" "AHEAD0 WAITING" "NOWAIT" "NOPRODUCT"; do EXP="$e" timeout 10 ./tool.exp bench e1.txt 7 | sed 's/measured/M/; s/predicted/P/' | cut -c1-150; done
echo "all $(( $(date +%s)-t0 )) s"; cat $OUT/new.txt $OUT/old.txt
