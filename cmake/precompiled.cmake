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
endfunction()

# errand_use_precompiled(TARGET NAME)
function(errand_use_precompiled target name)
  if(ERRAND_PRECOMPILED_HEADERS)
    target_precompile_headers(${target} REUSE_FROM ${name})
  endif()
endfunction()

if(ERRAND_PRECOMPILED_HEADERS)
  # A file is compiled under the definitions of its precompiled headers.
  add_compile_definitions(GTEST_HAS_PTHREAD=1)
  foreach(library fmt::fmt errand_boost_asio errand_boost_json)
    get_target_property(definitions ${library} INTERFACE_COMPILE_DEFINITIONS)
    add_compile_definitions(${definitions})
  endforeach()
  # Else ccache would find nothing again after they were built anew.
  add_compile_options(-Xclang -fno-pch-timestamp)
  errand_precompile(errand_headers ${library_headers})
  errand_precompile(errand_optimized_headers ${library_headers})
  target_compile_options(errand_optimized_headers PRIVATE $<$<CONFIG:Debug>:-O1>)
  errand_precompile(errand_asio_headers ${library_headers} ${asio_headers})
  errand_precompile(errand_test_headers ${library_headers} ${test_headers})
  errand_precompile(errand_asio_test_headers ${library_headers} ${asio_headers} ${test_headers})
endif()
