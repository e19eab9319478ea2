# Every library that Errand takes from Debian 12; `./dev setup` installs their packages (packaging/debian-packages.txt), and
# docs/adr/0005 says what each is for.

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS url)
find_package(OpenSSL 3 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED CONFIG)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(PkgConfig REQUIRED)
# Time zones: std::chrono has none in libstdc++ 12.
find_package(date REQUIRED CONFIG)
find_path(MUSTACHE_INCLUDE_DIR kainjow/mustache.hpp REQUIRED)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
# It asks for -pthread, which glibc no longer needs, and which would part its users from the precompiled headers.
set_target_properties(PkgConfig::RE2 PROPERTIES INTERFACE_COMPILE_OPTIONS "")
# Brokers that events are relayed to.
pkg_check_modules(NATS REQUIRED IMPORTED_TARGET libnats>=3.4)
pkg_check_modules(RABBITMQ REQUIRED IMPORTED_TARGET librabbitmq>=0.11)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)

if(ERRAND_TESTS)
  find_package(GTest REQUIRED)
  find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
endif()

# Asio and Beast: headers here, their own parts compiled once in errand_async and errand_net.
add_library(errand_boost_asio INTERFACE)
target_link_libraries(errand_boost_asio INTERFACE Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
target_compile_definitions(errand_boost_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)

# Boost.JSON the same way, compiled once in errand_json: the request path lives in it, and calls into Debian's shared library could not be inlined.
add_library(errand_boost_json INTERFACE)
target_link_libraries(errand_boost_json INTERFACE Boost::headers)
target_compile_definitions(errand_boost_json INTERFACE BOOST_JSON_STATIC_LINK BOOST_JSON_NO_LIB)
