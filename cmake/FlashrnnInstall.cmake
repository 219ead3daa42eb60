# SPDX-License-Identifier: Apache-2.0
# What is installed: the libraries with their headers, the command lines, a CMake package, and a pkg-config file
# for the C library. A Kokkos that was built here is installed along, by its own rules.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/flashrnn)

foreach(target flashrnn flashrnn_blas flashrnn_c)
  if(TARGET ${target})
    install(TARGETS ${target} EXPORT flashrnnTargets)
  endif()
endforeach()
if(TARGET constrint)
  install(TARGETS constrint EXPORT constrintTargets)
  install(EXPORT constrintTargets NAMESPACE constrint:: DESTINATION ${package_dir})
endif()
foreach(tool flashrnn_cli constrint_cli)
  if(TARGET ${tool})
    install(TARGETS ${tool})
  endif()
endforeach()

file(GLOB_RECURSE include_dirs LIST_DIRECTORIES TRUE ${PROJECT_SOURCE_DIR}/core/* ${PROJECT_SOURCE_DIR}/solver/*)
list(FILTER include_dirs INCLUDE REGEX "/include$")
foreach(include_dir IN LISTS include_dirs)
  install(DIRECTORY ${include_dir}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()

install(EXPORT flashrnnTargets NAMESPACE flashrnn:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/flashrnnConfig.cmake.in flashrnnConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
# Before 1.0, a new minor version may break its users.
write_basic_package_version_file(flashrnnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/flashrnnConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/flashrnnConfigVersion.cmake
        DESTINATION ${package_dir})

configure_file(${CMAKE_CURRENT_LIST_DIR}/flashrnn.pc.in flashrnn.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/flashrnn.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/hardware_models DESTINATION ${CMAKE_INSTALL_DATADIR}/flashrnn)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
