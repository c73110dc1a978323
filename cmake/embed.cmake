# cmake -DINPUT=file -DOUTPUT=file.c -DNAME=name -P embed.cmake
# Writes C source that defines the bytes of a file: NAME[] and NAME_size.
file(READ "${INPUT}" _bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," _bytes "${_bytes}")
string(REGEX REPLACE "((0x..,)(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?)" "\\1\n"
  _bytes "${_bytes}")
file(WRITE "${OUTPUT}" "#include \"html/html_out.h\"\n"
  "const unsigned char ${NAME}[] = {\n${_bytes}};\n"
  "const size_t ${NAME}_size = sizeof ${NAME};\n")
