// SPDX-License-Identifier: Apache-2.0
// The main function of every test program: a program in which no test ran fails, and the reason of
// every skipped test is printed by GoogleTest.
#include <gtest/gtest.h>

#include <iostream>

#ifdef FLASHRNN_TEST_WITH_KOKKOS
#include <Kokkos_Core.hpp>
#endif

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
#ifdef FLASHRNN_TEST_WITH_KOKKOS
  const Kokkos::ScopeGuard kokkos(argc, argv);
#endif
  const int status = RUN_ALL_TESTS();
  const testing::UnitTest& unit = *testing::UnitTest::GetInstance();
  if (!testing::GTEST_FLAG(list_tests) && unit.test_to_run_count() == 0) {
    std::cerr << "no test was selected, so nothing was tested\n";
    return 1;
  }
  return status;
}
