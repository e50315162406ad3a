// Scratch memory that outlives a call: the operating system gives and takes fresh pages slowly.
#pragma once

#include <cstddef>

namespace gruvy {

// At least `bytes` bytes, 64-byte aligned, contents arbitrary; any thread, any number at once. Throws std::bad_alloc.
void *workspace_take(std::size_t bytes);
void workspace_give(void *block);
void workspace_clear();        // frees what is kept
std::size_t workspace_kept();  // bytes kept at present

}  // namespace gruvy
