#include "workspace.hpp"

#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>

#include "tuning.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#elif defined(_WIN32)
#include <malloc.h>
#endif

namespace gruvy {
namespace {

constexpr std::size_t header = 64;  // keeps the size in front of the block, and its alignment
constexpr int slots = tuning::kept_blocks;
using tuning::huge_page;

struct Store {
    std::mutex lock;
    char *block[slots] = {};
};
Store &store() {
    static Store *s = new Store;  // never destroyed: a thread may still give a block back while the process ends
    return *s;
}

#if defined(_WIN32)
char *allocate(std::size_t align, std::size_t bytes) { return static_cast<char *>(_aligned_malloc(bytes, align)); }
void release(char *raw) { _aligned_free(raw); }
#else
char *allocate(std::size_t align, std::size_t bytes) { return static_cast<char *>(std::aligned_alloc(align, bytes)); }
void release(char *raw) { std::free(raw); }
#endif

std::size_t &size_of(char *raw) { return *reinterpret_cast<std::size_t *>(raw); }

}  // namespace

void *workspace_take(std::size_t bytes) {
    bytes += header;
    Store &s = store();
    // Never wait for the lock: after a fork its holder may not exist any more. Without it a block is simply not kept.
    if (std::unique_lock<std::mutex> hold(s.lock, std::try_to_lock); hold) {
        int best = -1;
        for (int i = 0; i < slots; i++)
            if (s.block[i] && size_of(s.block[i]) >= bytes &&
                (best < 0 || size_of(s.block[i]) < size_of(s.block[best])))
                best = i;
        // A block far larger than asked for stays for a call that needs it.
        if (best >= 0 && size_of(s.block[best]) / tuning::spare_part <= bytes + tuning::small_block) {
            char *raw = s.block[best];
            s.block[best] = nullptr;
            return raw + header;
        }
    }
    bytes += bytes / tuning::spare_part;
    std::size_t align = bytes >= huge_page ? huge_page : 64;
    bytes = (bytes + align - 1) / align * align;
    char *raw = allocate(align, bytes);
    if (!raw) throw std::bad_alloc();
#if defined(__linux__)
    if (bytes >= huge_page) madvise(raw, bytes, MADV_HUGEPAGE);
#endif
    size_of(raw) = bytes;
    return raw + header;
}

void workspace_give(void *block) {
    char *raw = static_cast<char *>(block) - header;
    Store &s = store();
    if (std::unique_lock<std::mutex> hold(s.lock, std::try_to_lock); hold) {
        int smallest = 0;
        for (int i = 0; i < slots; i++) {
            if (!s.block[i]) {
                s.block[i] = raw;
                return;
            }
            if (size_of(s.block[i]) < size_of(s.block[smallest])) smallest = i;
        }
        if (size_of(s.block[smallest]) < size_of(raw)) {
            char *other = s.block[smallest];
            s.block[smallest] = raw;
            raw = other;
        }
    }
    release(raw);
}

void workspace_clear() {
    Store &s = store();
    std::lock_guard<std::mutex> hold(s.lock);
    for (char *&raw : s.block) {
        release(raw);
        raw = nullptr;
    }
}

std::size_t workspace_kept() {
    Store &s = store();
    std::lock_guard<std::mutex> hold(s.lock);
    std::size_t sum = 0;
    for (char *raw : s.block)
        if (raw) sum += size_of(raw);
    return sum;
}

}  // namespace gruvy
