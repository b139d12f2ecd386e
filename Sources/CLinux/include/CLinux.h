#ifndef CLINUX_H
#define CLINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Interfaces of Linux that Swift cannot call: variadic ones, GNU-only ones, and fork.
// Unless said otherwise a function returns a value >= 0, or -errno. Addresses and ports are in host byte order.
// File descriptors that are returned are closed on exec.

// MARK: Network namespaces

/// Moves the calling thread into a new network namespace and returns a descriptor of it.
int clinux_new_network_namespace(void);
/// A descriptor of the calling thread's network namespace.
int clinux_network_namespace(void);
/// Moves the calling thread into a namespace.
int clinux_enter_network_namespace(int namespace_fd);
/// Opens a new, non-blocking TUN device (whole IP packets, no header) in the calling thread's namespace. The device is
/// gone when it is closed.
int clinux_open_tun(const char *name);
/// Gives an interface of the calling thread's namespace an IPv4 address, a netmask, an MTU and a transmit queue, and
/// sets it up. An address of 0 leaves the address alone; so do 0 as MTU and as queue length.
int clinux_set_up_interface(const char *name, uint32_t address, uint32_t netmask, int mtu, int queue);
/// Replaces the route that such an address brought with one whose TCP connections use a congestion control of their
/// own. That needs no permission of the host's, which a namespace's default does.
int clinux_set_route_congestion(const char *name, uint32_t address, int prefix, const char *congestion);

// MARK: Processes

/// What a spawned child was doing when it failed.
enum clinux_step {
    CLINUX_STEP_FORK = 0,
    CLINUX_STEP_OWNER = 1,
    CLINUX_STEP_GROUP = 2,
    CLINUX_STEP_NAMESPACE = 3,
    CLINUX_STEP_OUTPUT = 4,
    CLINUX_STEP_DESCRIPTORS = 5,
    CLINUX_STEP_EXEC = 6,
    CLINUX_STEP_QUOTA = 7,
};

/// Starts a program in its own process group and returns its pid once it runs.
///
/// It gets SIGKILL when the calling *thread* ends, default signal handling, /dev/null as input, `output` as output and
/// error output, and no other descriptor. `namespace_fd` is -1, or the network namespace to run in. Each of `cgroup_fds`
/// is -1, or the open `cgroup.procs` of a control group that it belongs to before it runs.
/// On failure `step` says where.
int clinux_spawn(
    const char *executable, char *const arguments[], int namespace_fd, const int cgroup_fds[2], int output,
    enum clinux_step *step);
/// A descriptor that becomes readable when the process ends.
int clinux_process_descriptor(int pid);
/// Nanoseconds that all threads of a process have run; also of one that has ended and was not waited for.
int64_t clinux_process_cpu_time(int pid);

// MARK: Threads

/// Names the calling thread, wants its timers exact to the nanosecond, and makes it a real-time thread if it may.
void clinux_prepare_timing_thread(const char *name);
/// Names the calling thread, with at most 15 bytes.
void clinux_name_thread(const char *name);

// MARK: Waiting

/// One descriptor to wait for.
struct clinux_wait {
    int fd;
    bool wants_read;
    bool wants_write;
    bool can_read;
    bool can_write;
    bool failed;
};
/// Waits until a descriptor is ready or the time is over (negative: for ever). Returns how many are ready; 0 also when
/// a signal came.
int clinux_wait(struct clinux_wait *items, size_t count, int64_t nanoseconds);
/// Nanoseconds of the monotonic clock.
int64_t clinux_now(void);
/// A counter that is readable while it is not 0.
int clinux_new_event(void);
/// Makes an event readable.
void clinux_raise_event(int event);

// MARK: TCP

/// A new non-blocking TCP socket in the calling thread's namespace. Sends small writes at once.
int clinux_tcp_socket(void);
/// Binds a socket to a local address; port 0 is any.
int clinux_bind(int socket, uint32_t address, uint16_t port);
/// Makes a bound socket accept connections.
int clinux_listen(int socket, int backlog);
/// A waiting connection as non-blocking socket, or -EAGAIN.
int clinux_accept(int socket);
/// Starts to connect: 0 when connected, -EINPROGRESS when it is under way.
int clinux_connect(int socket, uint32_t address, uint16_t port);
/// The outcome of a connect that was under way.
int clinux_connect_result(int socket);

#endif
