# SPDX-License-Identifier: Apache-2.0
# cmake -DOUTPUT=FILE.c -DHEADER=PATH -DFOLDER=DIR -P embed_texts.cmake: the files of a folder as
# bytes in a table `template_texts`, in order of their names.
file(GLOB sources ${FOLDER}/*)
list(SORT sources)
set(arrays "")
set(rows "")
set(index 0)
foreach(source ${sources})
  get_filename_component(name ${source} NAME)
  file(READ ${source} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(APPEND arrays "static const char text_${index}[] = {${bytes}0};\n")
  string(APPEND rows "    {SV(\"${name}\"), {text_${index}, sizeof(text_${index}) - 1}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "/* Made by cmake/embed_texts.cmake. */\n#include \"${HEADER}\"\n\n${arrays}\n"
     "const struct template_text template_texts[] = {\n${rows}};\n"
     "const size_t template_text_count = ${index};\n")
