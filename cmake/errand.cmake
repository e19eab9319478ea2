# Folders without a thread of their own, by the table of floors.
file(STRINGS ${PROJECT_SOURCE_DIR}/tools/floors.txt ERRAND_PURE REGEX "^ *[0-9]+ +[^ ]+ +pure")
list(TRANSFORM ERRAND_PURE REPLACE "^ *[0-9]+ +([^ ]+).*" "\\1")

# What the simulation drives is optimized in debug builds too: its 2,000 seeds take a quarter of an hour without.
set(ERRAND_SIMULATED base json job engine store store/sqlite)

# errand_library(job SOURCES a.cpp ... DEPENDS base ... LINK errand_boost_json ...)
#   One folder, one static library, one namespace. DEPENDS names folders of lower floors that this one includes ("graphql/type"
#   is errand_graphql_type; tools/check_floors holds it against the #include lines), LINK outside libraries.
function(errand_library folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS;LINK")
  errand_refuse_unparsed("${folder}" "${arg_UNPARSED_ARGUMENTS}")
  string(REPLACE "/" "_" name ${folder})
  add_library(errand_${name} STATIC ${arg_SOURCES})
  target_include_directories(errand_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  errand_targets(deps ${arg_DEPENDS})
  target_link_libraries(errand_${name} PUBLIC ${deps} ${arg_LINK})
  errand_precompiled_name(headers ${folder} ${arg_LINK})
  if(folder IN_LIST ERRAND_SIMULATED)
    errand_optimize(errand_${name})
    string(APPEND headers _optimized)
  endif()
  errand_use_precompiled(errand_${name} ${headers})
endfunction()

# errand_optimize(TARGET ...): for the simulation.
function(errand_optimize)
  foreach(target ${ARGN})
    target_compile_options(${target} PRIVATE $<$<CONFIG:Debug>:-O1>)
  endforeach()
endfunction()

# errand_program(errand SOURCES main.cpp DEPENDS cli LINK ...)
#   A program, placed at build/<preset>/<name>.
function(errand_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS;LINK")
  errand_refuse_unparsed("${name}" "${arg_UNPARSED_ARGUMENTS}")
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  errand_targets(deps ${arg_DEPENDS})
  target_link_libraries(${name} PRIVATE ${deps} ${arg_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  errand_use_precompiled(${name} plain)
endfunction()

# errand_test(job SOURCES a_test.cpp ... [DEPENDS ...] [LINK ...] [LABEL unit])
#   The tests of one folder as one program, errand_<folder>_test, and one CTest test of the folder's name: 10 ms of start-up
#   for each case would cost more than the cases.
function(errand_test folder)
  if(NOT ERRAND_TESTS)
    return()
  endif()
  if(ERRAND_SANITIZE STREQUAL "thread" AND folder IN_LIST ERRAND_PURE)
    return()  # no thread, nor anything that would know one: what it would find, AddressSanitizer's run has found
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "SOURCES;DEPENDS;LINK")
  errand_refuse_unparsed("${folder}" "${arg_UNPARSED_ARGUMENTS}")
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  string(REPLACE "/" "_" name ${folder})
  add_executable(errand_${name}_test ${arg_SOURCES})
  errand_targets(deps ${arg_DEPENDS})
  if(TARGET errand_${name})
    list(APPEND deps errand_${name})
  endif()
  target_include_directories(errand_${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  target_link_libraries(errand_${name}_test PRIVATE ${deps} ${arg_LINK} GTest::gmock GTest::gtest_main ${RAPIDCHECK_LIBRARY})
  set(linked "")
  if(TARGET errand_${name})
    get_target_property(linked errand_${name} LINK_LIBRARIES)
  endif()
  errand_precompiled_name(headers ${folder} ${linked})
  errand_use_precompiled(errand_${name}_test ${headers}_test)
  add_test(NAME ${name} COMMAND errand_${name}_test)
  set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT 600)
endfunction()

# errand_deliberate_bugs(job ...)
#   Builds with tests have the faults of base/deliberate_bug.h in these folders, to be switched on by the simulation.
function(errand_deliberate_bugs)
  errand_define_in_tests(ERRAND_DELIBERATE_BUGS ${ARGN})
endfunction()

# errand_crash_points(base ...)
#   Builds with tests have the points of base/crash_point.h in these folders, to be armed by tests/e2e/crash_points.
function(errand_crash_points)
  errand_define_in_tests(ERRAND_CRASH_POINTS ${ARGN})
endfunction()

# errand_define_in_tests(DEFINITION folder ...)
function(errand_define_in_tests definition)
  if(ERRAND_TESTS)
    errand_targets(targets ${ARGN})
    foreach(target ${targets})
      target_compile_definitions(${target} PRIVATE ${definition})
    endforeach()
  endif()
endfunction()

# errand_targets(VARIABLE folder ...): the library targets of folders.
function(errand_targets variable)
  set(targets ${ARGN})
  list(TRANSFORM targets REPLACE "/" "_")
  list(TRANSFORM targets PREPEND errand_)
  set(${variable} ${targets} PARENT_SCOPE)
endfunction()

function(errand_refuse_unparsed name words)
  if(words)
    message(FATAL_ERROR "${name}: not understood: ${words}; write SOURCES, DEPENDS or LINK before a list")
  endif()
endfunction()
