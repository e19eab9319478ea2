// Boost.JSON's own parts, compiled here once: called within the program, they can be inlined.
#include <boost/json/src.hpp>
