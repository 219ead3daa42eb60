// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace flashrnn::io {

// Colours of series differ in lightness too, so that they can be told apart in print without
// colour, the first is wide enough to show beneath a second one that covers it, and from the third
// on dashes help. Where there are more series than colours, those that have them again are dashed
// otherwise and have hollow points. Media queries nest inside the picture, so the same file suits a
// light page, a dark page and paper.
inline constexpr std::string_view chart_style = R"(<style>
text { font: 12px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #3d4450; }
.title { font-size: 17px; font-weight: 600; fill: #14181f; }
.subtitle { font-size: 13px; }
.paper { fill: #ffffff; }
.shade { fill: #eef1f5; }
.grid { stroke: #dfe3e8; stroke-width: 1; }
.axis { stroke: #7b8490; stroke-width: 1; }
.s0 { stroke: #1d4f91; fill: #1d4f91; } .s1 { stroke: #ee7d2b; fill: #ee7d2b; }
.s2 { stroke: #17835b; fill: #17835b; } .s3 { stroke: #8a5cc9; fill: #8a5cc9; }
.s4 { stroke: #b3261e; fill: #b3261e; } .s5 { stroke: #5f6b7a; fill: #5f6b7a; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.line.s0 { stroke-width: 3; } .line.s2, .line.s4 { stroke-dasharray: 7 4; }
.line.s3, .line.s5 { stroke-dasharray: 2 4; } .dot:not(.again) { stroke: none; }
.line.again { stroke-width: 1.8; stroke-dasharray: 14 3 2 3; }
.dot.again { fill: #ffffff; stroke-width: 1.6; }
@media screen and (prefers-color-scheme: dark) {
  text { fill: #b7bfca; } .title { fill: #f0f3f7; } .paper { fill: #14181f; }
  .shade { fill: #1f2530; } .grid { stroke: #2c3440; } .axis { stroke: #7b8490; }
  .s0 { stroke: #6ea8f0; fill: #6ea8f0; } .s1 { stroke: #ffb066; fill: #ffb066; }
  .s2 { stroke: #4cc394; fill: #4cc394; } .s3 { stroke: #bd9cf0; fill: #bd9cf0; }
  .s4 { stroke: #ff8a80; fill: #ff8a80; } .s5 { stroke: #9aa5b4; fill: #9aa5b4; }
  .line { fill: none; } .dot:not(.again) { stroke: none; } .dot.again { fill: #14181f; }
}
</style>
)";

/// Classes s0, s1, … that it has.
inline constexpr std::size_t chart_style_count = 6;

/// The classes of the series with this number.
inline std::string series_classes(std::size_t number) {
  return "s" + std::to_string(number % chart_style_count) +
         (number >= chart_style_count ? " again" : "");
}

}  // namespace flashrnn::io
