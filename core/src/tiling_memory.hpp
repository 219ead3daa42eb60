// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "flashrnn/recurrence/known_tilings.hpp"
#include "flashrnn/recurrence/tile_search.hpp"
#include "tiling_text.hpp"

namespace flashrnn {

/// Answers of this process. A choice with fewer candidates than asked for is replaced, unless there
/// are no more.
class TilingMemory {
 public:
  std::shared_ptr<const TileChoice> find(const std::string& key, int candidates) {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    if (found == known_.end() || found->second.asked < candidates) return nullptr;
    return found->second.choice;
  }
  void remember(const std::string& key, int candidates, std::shared_ptr<const TileChoice> choice) {
    const std::lock_guard lock(mutex_);
    Entry& entry = known_[key];
    if (entry.asked < candidates) entry = {candidates, std::move(choice)};
  }
  std::vector<FoundTiling> found() const {
    const std::lock_guard lock(mutex_);
    std::vector<FoundTiling> out;
    for (const auto& [question, entry] : known_) {
      const auto& candidates = entry.choice->candidates;
      out.push_back({question, candidates.empty() ? std::string() : text_of(candidates.front())});
    }
    return out;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    known_.clear();
  }

 private:
  struct Entry {
    int asked = 0;
    std::shared_ptr<const TileChoice> choice;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> known_;
};

}  // namespace flashrnn
