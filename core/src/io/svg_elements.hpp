// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace flashrnn::io::svg {

/// Text with what XML reserves, or has not, replaced.
[[nodiscard]] std::string escape(std::string_view text);
/// A coordinate to a tenth of a pixel, in every locale.
[[nodiscard]] std::string number(double value);

[[nodiscard]] std::string text_element(double x, double y, std::string_view anchor,
                                       std::string_view css_class, std::string_view text);
[[nodiscard]] std::string line_element(double x1, double y1, double x2, double y2,
                                       const std::string& css_class);
[[nodiscard]] std::string rectangle(double x, double y, double width, double height,
                                    std::string_view css_class);
[[nodiscard]] std::string circle(double x, double y, double radius, std::string_view css_class);

}  // namespace flashrnn::io::svg
