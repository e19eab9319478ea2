# The one supported toolchain: Clang 19, lld, libstdc++ 12 (docs/adr/0001).

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  message(FATAL_ERROR
    "Errand is not built with GCC: GCC 12 destroys some temporaries of a co_await statement twice, "
    "in release builds too, so that the server would corrupt its memory.\n"
    "Use Clang 19: run ./dev setup, then ./dev build; or cmake --preset dev.")
endif()
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR
    "Errand needs Clang 19, found ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. "
    "Run ./dev setup, then ./dev build; or cmake --preset dev.")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(ERRAND_WERROR "Treat warnings as errors" OFF)
set(ERRAND_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread; empty for none")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wimplicit-fallthrough -Wextra-semi -Wunused-result -Wno-missing-designated-field-initializers -fno-omit-frame-pointer)
if(ERRAND_WERROR)
  add_compile_options(-Werror)
endif()
add_link_options(-fuse-ld=lld)
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")  # there they cost a fifteenth of the time to compile
  add_link_options(-Wl,--gc-sections)
  add_compile_options(-ffunction-sections -fdata-sections)
endif()

if(ERRAND_SANITIZE)
  add_compile_options(-fsanitize=${ERRAND_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ERRAND_SANITIZE})
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  if(ERRAND_SANITIZE MATCHES "undefined")
    # AddressSanitizer knows the size of every object, not only where the optimizer does.
    add_compile_options(-fno-sanitize=object-size
      -fsanitize-ignorelist=${CMAKE_CURRENT_LIST_DIR}/undefined_behavior_ignorelist.txt)
  endif()
  # Without this ASan misses a dangling parameter of a coroutine: Asio reuses the frame.
  add_compile_definitions(BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
endif()
if(ERRAND_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT DEFINED ENV{DEV_NO_CCACHE})
  # What ccache asks for before it keeps objects with precompiled headers; and without a run of the preprocessor before each
  # compilation, since the compiler names the files that it read. The tunable gives the compiler large pages (glibc 2.35), which
  # saves seven of eight page faults and a twentieth of its time.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1 ${CCACHE_PROGRAM})
endif()
