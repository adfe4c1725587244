# How ftc builds llama.cpp: what quantising and running a model on a CPU take, and no more.
# CMake reads this file at each project() of the source (CMAKE_PROJECT_INCLUDE).

# llama-cpp-python forces this cache variable on; a plain variable of the same name comes first.
# No Python function calls the library that it stands for, and that is half of the work.
set(LLAMA_BUILD_COMMON OFF)

# The model library builds graphs and tokenises; the arithmetic is all in ggml. -O1 takes a fifth
# off the whole build and costs no measurable speed in either reading a prompt or answering.
if (PROJECT_NAME STREQUAL "llama.cpp")
    set(CMAKE_CXX_FLAGS_RELEASE "-O1 -DNDEBUG")
elseif (PROJECT_NAME STREQUAL "ggml")
    set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")
endif()
