#pragma once

namespace errand::sandbox {

/// Removes a folder with all that is in it. Needs the same few open files and little memory however
/// deep it goes, and follows no links. No process may use the folder any more. For the init program
/// too, hence without the C++ library.
/// @return whether nothing is left
bool remove_tree(const char* path);

}  // namespace errand::sandbox
