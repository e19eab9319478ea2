// Boost.JSON, where the system has only its headers. Alone in its file, so that a program that
// compiles it as well gets its own.
#include <boost/json/src.hpp>
