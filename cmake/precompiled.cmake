# Headers that most files read, parsed once for a build folder: without them a debug build spends more time in these than in the files.
# Off in the release build and for clang-tidy (./dev lint), where a missing #include shows.

option(ERRAND_PRECOMPILED_HEADERS "Parse the headers that most files read once" OFF)

set(library_headers
  <algorithm> <array> <chrono> <coroutine> <cstddef> <cstdint> <expected> <functional> <map> <memory> <optional> <ranges> <set> <span>
  <string> <string_view> <unordered_map> <utility> <variant> <vector>
  <boost/json/array.hpp> <boost/json/object.hpp> <boost/json/value.hpp> <fmt/format.h>)
# Whoever reads these links errand_async, where Asio is compiled.
set(asio_headers <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/steady_timer.hpp> <boost/asio/strand.hpp>)
set(test_headers <gmock/gmock.h> <gtest/gtest.h>)

# What nearly every file of a folder reads besides, where it costs more than a second each time: mostly our own headers.
set(engine_headers <errand/engine/engine.h>)
set(engine_folders engine store store/sqlite)
set(graphql_headers ${asio_headers} <errand/graphql/execution/resolver_map.h>)
set(graphql_folders graphql/execution graphql/request)
set(runtime_headers ${asio_headers} <errand/runtime/lane_client.h>)
set(runtime_folders notification relay runtime worker)
set(api_headers ${runtime_headers} <errand/api/backend.h> <errand/graphql/execution/resolver_map.h>)
set(api_folders api app)
set(cli_headers ${api_headers} <CLI/CLI.hpp>)
set(cli_folders cli)

# errand_precompile(NAME header ...): a target, errand_NAME_headers, whose precompiled headers others reuse.
function(errand_precompile name)
  set(target errand_${name}_headers)
  file(WRITE ${PROJECT_BINARY_DIR}/${target}.cpp "")
  add_library(${target} OBJECT ${PROJECT_BINARY_DIR}/${target}.cpp)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_precompile_headers(${target} PRIVATE ${library_headers} ${ARGN})
endfunction()

# errand_use_precompiled(TARGET NAME)
function(errand_use_precompiled target name)
  if(ERRAND_PRECOMPILED_HEADERS)
    target_precompile_headers(${target} REUSE_FROM errand_${name}_headers)
  endif()
endfunction()

# errand_precompiled_name(VARIABLE FOLDER LIBRARY...): the headers that suit a folder whose library links LIBRARY.
function(errand_precompiled_name variable folder)
  set(name plain)
  if(errand_boost_asio IN_LIST ARGN)
    set(name asio)
  endif()
  foreach(own IN ITEMS engine graphql runtime api cli)
    if(folder IN_LIST ${own}_folders)
      set(name ${own})
    endif()
  endforeach()
  set(${variable} ${name} PARENT_SCOPE)
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
  foreach(name IN ITEMS plain asio graphql runtime api cli)
    errand_precompile(${name} ${${name}_headers})
  endforeach()
  foreach(name IN ITEMS plain engine)
    errand_precompile(${name}_optimized ${${name}_headers})
    target_compile_options(errand_${name}_optimized_headers PRIVATE $<$<CONFIG:Debug>:-O1>)
  endforeach()
  foreach(name IN ITEMS plain asio engine graphql runtime api)
    errand_precompile(${name}_test ${${name}_headers} ${test_headers})
  endforeach()
endif()
