#ifndef CPREFETCH_H
#define CPREFETCH_H

/// Asks the processor for the line of the cache that holds an address, to read and to write it soon. Does nothing else:
/// any address will do.
static inline void prefetch_line(const void *_Nullable address) {
    __builtin_prefetch(address, 1, 3);
}

#endif
