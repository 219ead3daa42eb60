// SPDX-License-Identifier: Apache-2.0
// Structs that are no cells, each wrong in one way, and two that are right. Compiled once per
// struct with -DCELL=<its name>; check_message.cmake compares what the compiler says.
#include "flashrnn/cells/differentiate.hpp"

// clang-format off
#define FORWARD                                                                                  \
  template <class Math, class Real = typename Math::Real>                                        \
  FLASHRNN_FUNCTION static void forward(const Real (&gate)[gates], const Real (&)[states],       \
                                        Real (&next)[states]) { next[0] = Math::tanh(gate[0]); }
#define SAVING_FORWARD                                                                           \
  template <class Math, class Real = typename Math::Real>                                        \
  FLASHRNN_FUNCTION static void forward(const Real (&)[gates], const Real (&)[states],           \
                                        Real (&)[states], Real (&)[saved]) {}
#define BACKWARD                                                                                 \
  template <class Math, class Real = typename Math::Real>                                        \
  FLASHRNN_FUNCTION static void backward(const Real (&)[states], const Real (&)[states],         \
                                         const Real (&)[states], Real (&)[gates],                \
                                         Real (&)[states]) {}
#define SAVING_BACKWARD                                                                          \
  template <class Math, class Real = typename Math::Real>                                        \
  FLASHRNN_FUNCTION static void backward(const Real (&)[saved], const Real (&)[states],          \
                                         const Real (&)[states], const Real (&)[states],         \
                                         Real (&)[gates], Real (&)[states]) {}
#define SIZES static constexpr int states = 1, gates = 2
#define MASKS static constexpr unsigned recurrent_gates = 1, input_gates = 3, bias_gates = 1

struct Right { SIZES; MASKS; FORWARD };
struct RightSaving { SIZES; MASKS; static constexpr int saved = 3; SAVING_FORWARD SAVING_BACKWARD };
struct RightFinal final { SIZES; MASKS; FORWARD BACKWARD };

struct Empty {};
struct MissingStates { static constexpr int gates = 2; MASKS; };
struct MissingGates { static constexpr int states = 1; MASKS; };
struct VariableStates { static int states; static constexpr int gates = 2; MASKS; };
struct MissingMask { SIZES; static constexpr unsigned recurrent_gates = 1, bias_gates = 1; FORWARD };
struct NegativeMask { SIZES; static constexpr int recurrent_gates = -1, input_gates = 1,
                      bias_gates = 1; FORWARD };
struct MaskBeyondGates { SIZES; static constexpr unsigned recurrent_gates = 1, input_gates = 4,
                         bias_gates = 1; FORWARD };
struct NumberAsName { static constexpr int name = 5; SIZES; MASKS; FORWARD };
struct NoStates { static constexpr int states = 0, gates = 2; MASKS; };
struct ManyGates { static constexpr int states = 1, gates = 32; MASKS; FORWARD };
struct NoRecurrence { SIZES; static constexpr unsigned recurrent_gates = 0, input_gates = 1,
                      bias_gates = 1; FORWARD };
struct NoInput { SIZES; static constexpr unsigned recurrent_gates = 1, input_gates = 0,
                 bias_gates = 1; FORWARD };
struct MissingForward { SIZES; MASKS; };
struct ForwardOfFloats {
  SIZES; MASKS;
  static void forward(const float (&)[gates], const float (&)[states], float (&)[states]) {}
};
struct ForwardOfFixedType {
  SIZES; MASKS;
  template <class Math>
  static void forward(const float (&)[gates], const float (&)[states], float (&)[states]) {}
};
struct ForwardOfAnObject {
  SIZES; MASKS;
  template <class Math, class Real = typename Math::Real>
  void forward(const Real (&)[gates], const Real (&)[states], Real (&)[states]) {}
};
struct SwappedForward {
  SIZES; MASKS;
  template <class Math, class Real = typename Math::Real>
  static void forward(const Real (&)[states], const Real (&)[gates], Real (&)[states]) {}
};
struct SavingUndeclared {
  SIZES; MASKS;
  template <class Math, class Real = typename Math::Real>
  static void forward(const Real (&)[gates], const Real (&)[states], Real (&)[states],
                      Real (&)[2]) {}
};
struct NothingSaved { SIZES; MASKS; static constexpr int saved = 0; FORWARD };
struct SavedText { SIZES; MASKS; static constexpr const char* saved = "all"; FORWARD };
struct SavedWithoutBackward { SIZES; MASKS; static constexpr int saved = 2; SAVING_FORWARD };
struct SavedButNotTaken { SIZES; MASKS; static constexpr int saved = 2; FORWARD SAVING_BACKWARD };
struct BackwardWithoutSaved { SIZES; MASKS; static constexpr int saved = 2; SAVING_FORWARD BACKWARD };
struct WrongBackward {
  SIZES; MASKS; FORWARD
  template <class Math, class Real = typename Math::Real>
  static void backward(const Real (&)[states], Real (&)[gates], Real (&)[states]) {}
};
struct BackwardOfFloats {
  SIZES; MASKS; FORWARD
  static void backward(const float (&)[states], const float (&)[states], const float (&)[states],
                       float (&)[gates], float (&)[states]) {}
};
// clang-format on

template struct flashrnn::CompleteCell<CELL>;
