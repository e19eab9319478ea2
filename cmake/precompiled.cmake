# Headers of others that most files read, parsed once for a build folder: without them a debug build spends more time in these than in
# our code. Off in the release build and for clang-tidy, where a missing #include shows.

option(ERRAND_PRECOMPILED_HEADERS "Parse the headers that most files read once" OFF)

set(library_headers
  <algorithm> <array> <chrono> <coroutine> <cstddef> <cstdint> <expected> <functional> <map> <memory> <optional> <ranges> <set> <span>
  <string> <string_view> <unordered_map> <utility> <variant> <vector>
  <boost/json/array.hpp> <boost/json/object.hpp> <boost/json/value.hpp> <fmt/format.h>)
# Whoever reads these links errand_async, where Asio is compiled.
set(asio_headers <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/steady_timer.hpp> <boost/asio/strand.hpp>)
set(test_headers <gmock/gmock.h> <gtest/gtest.h>)

# errand_precompile(NAME header ...): a target whose precompiled headers others reuse.
function(errand_precompile name)
  file(WRITE ${PROJECT_BINARY_DIR}/${name}.cpp "")
  add_library(${name} OBJECT ${PROJECT_BINARY_DIR}/${name}.cpp)
  target_precompile_headers(${name} PRIVATE ${ARGN})
  # ccache cannot tell a precompiled header of one build folder from that of another, as it holds its own path. What it was made of
  # stands in a file beside it, which ccache takes in its place (pch_external_checksum).
  set(folder ${PROJECT_BINARY_DIR}/CMakeFiles/${name}.dir)
  set(flags "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}")
  separate_arguments(flags)
  get_directory_property(options COMPILE_OPTIONS)
  get_directory_property(definitions COMPILE_DEFINITIONS)
  list(TRANSFORM definitions PREPEND -D)
  add_custom_command(OUTPUT ${folder}/cmake_pch.hxx.pch.sum
    COMMAND ${CMAKE_CXX_COMPILER} -std=c++23 ${flags} ${options} ${definitions} -w -E -P -x c++-header ${folder}/cmake_pch.hxx
      -o ${folder}/cmake_pch.hxx.pch.sum
    DEPENDS ${folder}/cmake_pch.hxx VERBATIM)
  add_custom_target(${name}_sum DEPENDS ${folder}/cmake_pch.hxx.pch.sum)
endfunction()

# errand_use_precompiled(TARGET NAME)
function(errand_use_precompiled target name)
  if(ERRAND_PRECOMPILED_HEADERS)
    target_precompile_headers(${target} REUSE_FROM ${name})
    add_dependencies(${target} ${name}_sum)
  endif()
endfunction()

if(ERRAND_PRECOMPILED_HEADERS)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
  # A file is compiled under the definitions of its precompiled headers.
  add_compile_definitions(GTEST_HAS_PTHREAD=1)
  foreach(library fmt::fmt errand_boost_asio errand_boost_json)
    get_target_property(definitions ${library} INTERFACE_COMPILE_DEFINITIONS)
    add_compile_definitions(${definitions})
  endforeach()
  add_compile_options(-Xclang -fno-pch-timestamp)
  errand_precompile(errand_headers ${library_headers})
  errand_precompile(errand_optimized_headers ${library_headers})
  target_compile_options(errand_optimized_headers PRIVATE $<$<CONFIG:Debug>:-O1>)
  errand_precompile(errand_asio_headers ${library_headers} ${asio_headers})
  errand_precompile(errand_test_headers ${library_headers} ${test_headers})
endif()
