# cmake -DFILES="path;source;..." -DLICENCES="file;..." -DOUT=DIR -P embed.cmake
#   Writes DIR/embedded_assets.cpp, with the bytes taken in by the assembler from files compressed into DIR.
cmake_minimum_required(VERSION 3.25)

set(text "")
foreach(licence IN LISTS LICENCES)
  file(READ ${licence} body)
  get_filename_component(folder ${licence} DIRECTORY)
  get_filename_component(package ${folder} NAME)
  string(APPEND text "${package}\n\n${body}\n\n")
endforeach()
file(WRITE ${OUT}/LICENSES.txt "${text}")
list(APPEND FILES "/graphiql/LICENSES.txt" ${OUT}/LICENSES.txt)

# A semicolon would split the list of entries; it is put back at the end.
set(type_of_.html "text/html@semicolon@ charset=utf-8")
set(type_of_.css "text/css@semicolon@ charset=utf-8")
set(type_of_.js "text/javascript@semicolon@ charset=utf-8")
set(type_of_.txt "text/plain@semicolon@ charset=utf-8")

set(entries "")
set(index 0)
set(assembly "")
while(FILES)
  list(POP_FRONT FILES path source)
  get_filename_component(extension ${source} LAST_EXT)
  file(SHA256 ${source} hash)
  string(SUBSTRING ${hash} 0 32 tag)
  set(compressed ${OUT}/asset_${index}.gz)
  # -n: no name and time inside, so that the same file gives the same bytes.
  execute_process(COMMAND gzip -9nc ${source} OUTPUT_FILE ${compressed} COMMAND_ERROR_IS_FATAL ANY)
  string(APPEND assembly "ERRAND_ASSET(${index}, \"${compressed}\")\n")
  # Sorted by path: the entries are put in order below, so the path leads the line.
  list(APPEND entries "    {\"${path}\", \"${type_of_${extension}}\", asset_${index}(), true, \"\\\"${tag}\\\"\"},")
  math(EXPR index "${index} + 1")
endwhile()

list(LENGTH entries count)
list(SORT entries)
string(REPLACE ";" "\n" entries "${entries}")
string(REPLACE "@semicolon@" ";" entries "${entries}")
file(WRITE ${OUT}/embedded_assets.cpp "// Made by web/embed.cmake; not to be edited.
#include \"web/embedded_assets.h\"

#include <array>
#include <cstddef>

#define ERRAND_ASSET(number, file)                                                               \\
  asm(\".pushsection .rodata\\n\"                                                                  \\
      \".globl errand_asset_\" #number \"\\n\" \".globl errand_asset_\" #number \"_end\\n\"              \\
      \"errand_asset_\" #number \":\\n\" \".incbin \\\"\" file \"\\\"\\n\"                                 \\
      \"errand_asset_\" #number \"_end:\\n\" \".byte 0\\n\" \".popsection\\n\");                           \\
  extern \"C\" const char errand_asset_##number[];                                                 \\
  extern \"C\" const char errand_asset_##number##_end[];                                           \\
  static std::string_view asset_##number() {                                                     \\
    return {errand_asset_##number,                                                               \\
            static_cast<std::size_t>(errand_asset_##number##_end - errand_asset_##number)};      \\
  }

${assembly}
namespace errand::web {

std::span<const EmbeddedAsset> embedded_assets() noexcept {
  static const std::array<EmbeddedAsset, ${count}> assets{{
${entries}
  }};
  return assets;
}

}  // namespace errand::web
")
