#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// -errno of a call that returned -1, and the value otherwise.
static int result(int value) { return value < 0 ? -errno : value; }

// Closes a descriptor after a failure, which stays in errno.
static int fail(int fd) {
    int error = errno;
    close(fd);
    return -error;
}

// MARK: Network namespaces

int clinux_network_namespace(void) { return result(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)); }

int clinux_new_network_namespace(void) {
    if (unshare(CLONE_NEWNET) < 0) return -errno;
    return clinux_network_namespace();
}

int clinux_enter_network_namespace(int namespace_fd) { return result(setns(namespace_fd, CLONE_NEWNET)); }

int clinux_open_tun(const char *name) {
    // The device will be in the namespace of whoever opens, not of whoever calls TUNSETIFF.
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return -errno;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (ioctl(fd, TUNSETIFF, &request) < 0) return fail(fd);
    return fd;
}

static int set_address(int fd, struct ifreq *request, unsigned long command, uint32_t address) {
    struct sockaddr_in socket_address;
    memset(&socket_address, 0, sizeof socket_address);
    socket_address.sin_family = AF_INET;
    socket_address.sin_addr.s_addr = htonl(address);
    memcpy(&request->ifr_addr, &socket_address, sizeof socket_address);
    return ioctl(fd, command, request);
}

int clinux_set_up_interface(const char *name, uint32_t address, uint32_t netmask, int mtu, int queue) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (address != 0) {
        if (set_address(fd, &request, SIOCSIFADDR, address) < 0) return fail(fd);
        if (set_address(fd, &request, SIOCSIFNETMASK, netmask) < 0) return fail(fd);
    }
    if (mtu != 0) {
        request.ifr_mtu = mtu;
        if (ioctl(fd, SIOCSIFMTU, &request) < 0) return fail(fd);
    }
    if (queue != 0) {
        request.ifr_qlen = queue;
        if (ioctl(fd, SIOCSIFTXQLEN, &request) < 0) return fail(fd);
    }
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) return fail(fd);
    request.ifr_flags |= IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0) return fail(fd);
    close(fd);
    return 0;
}

// Appends an attribute to a netlink message; `length` is what the value takes without padding.
static struct rtattr *append(struct nlmsghdr *message, unsigned short type, const void *value, size_t length) {
    struct rtattr *attribute = (struct rtattr *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = RTA_LENGTH(length);
    memcpy(RTA_DATA(attribute), value, length);
    message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + RTA_SPACE(length);
    return attribute;
}

int clinux_set_route_congestion(const char *name, uint32_t address, int prefix, const char *congestion) {
    struct {
        struct nlmsghdr header;
        struct rtmsg route;
        char attributes[256];
    } message;
    memset(&message, 0, sizeof message);
    if (strlen(congestion) > 15 || prefix < 1 || prefix > 32) return -EINVAL;
    message.header.nlmsg_len = NLMSG_LENGTH(sizeof message.route);
    message.header.nlmsg_type = RTM_NEWROUTE;
    message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_REPLACE | NLM_F_CREATE;
    message.route.rtm_family = AF_INET;
    message.route.rtm_dst_len = (unsigned char)prefix;
    message.route.rtm_table = RT_TABLE_MAIN;
    message.route.rtm_protocol = RTPROT_KERNEL;
    message.route.rtm_scope = RT_SCOPE_LINK;
    message.route.rtm_type = RTN_UNICAST;
    uint32_t source = htonl(address);
    uint32_t network = htonl(address & (0xFFFFFFFFu << (32 - prefix)));
    int interface = (int)if_nametoindex(name);
    if (interface == 0) return -errno;
    append(&message.header, RTA_DST, &network, sizeof network);
    append(&message.header, RTA_OIF, &interface, sizeof interface);
    append(&message.header, RTA_PREFSRC, &source, sizeof source);
    struct rtattr *metrics = append(&message.header, RTA_METRICS, "", 0);
    append(&message.header, RTAX_CC_ALGO, congestion, strlen(congestion) + 1);
    metrics->rta_len = (unsigned short)((char *)&message + message.header.nlmsg_len - (char *)metrics);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return -errno;
    if (send(fd, &message, message.header.nlmsg_len, 0) < 0) return fail(fd);
    struct {
        struct nlmsghdr header;
        struct nlmsgerr answer;
        char rest[512];
    } reply;
    if (recv(fd, &reply, sizeof reply, 0) < 0) return fail(fd);
    close(fd);
    return reply.header.nlmsg_type == NLMSG_ERROR ? reply.answer.error : -EPROTO;
}

// MARK: Processes

struct failure {
    int step;
    int error;
};

// A copy of a descriptor that cannot collide with 0, 1 and 2, which the child replaces.
static int above_standard(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 3); }

// Marks all descriptors but the first three; works for those of other threads, since the child has only one.
static int close_others_on_exec(void) {
#ifdef CLOSE_RANGE_CLOEXEC
    const unsigned int flag = CLOSE_RANGE_CLOEXEC;
#else
    const unsigned int flag = 1U << 2;
#endif
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 3U, ~0U, flag) == 0) return 0;
#endif
    // Kernels before 5.11.
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -1;
    for (rlim_t fd = 3; fd < limit.rlim_cur && fd < 1 << 20; fd++) fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    return 0;
}

// Runs in the child, between fork and exec: only calls that are safe in a signal handler, since the locks of the other
// threads of the parent are in an unknown state.
static _Noreturn void become(
    const char *executable, char *const arguments[], int namespace_fd, const int cgroup_fds[2], int output,
    pid_t parent, int report) {
    struct failure failure = {CLINUX_STEP_OWNER, 0};
    struct sigaction usual;
    memset(&usual, 0, sizeof usual);
    usual.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++) sigaction(number, &usual, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) goto failed;
    // The parent may have ended before the line above.
    if (getppid() != parent) _exit(127);
    failure.step = CLINUX_STEP_GROUP;
    if (setpgid(0, 0) < 0) goto failed;
    failure.step = CLINUX_STEP_QUOTA;
    // 0 is whoever writes.
    for (int index = 0; index < 2; index++) {
        if (cgroup_fds[index] >= 0 && write(cgroup_fds[index], "0", 1) != 1) goto failed;
    }
    failure.step = CLINUX_STEP_NAMESPACE;
    if (namespace_fd >= 0 && setns(namespace_fd, CLONE_NEWNET) < 0) goto failed;
    failure.step = CLINUX_STEP_OUTPUT;
    int null = open("/dev/null", O_RDONLY);
    if (null < 0) goto failed;
    if (dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) goto failed;
    failure.step = CLINUX_STEP_DESCRIPTORS;
    if (close_others_on_exec() < 0) goto failed;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    failure.step = CLINUX_STEP_EXEC;
    execv(executable, arguments);
failed:
    failure.error = errno;
    // Shorter than PIPE_BUF, so it is written whole or not at all.
    ssize_t written = write(report, &failure, sizeof failure);
    _exit(written == sizeof failure ? 127 : 126);
}

static int fork_and_become(
    const char *executable, char *const arguments[], int namespace_fd, const int cgroup_fds[2], int output,
    int ends[2], struct failure *failure) {
    // No handler of the parent may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) become(executable, arguments, namespace_fd, cgroup_fds, output, parent, ends[1]);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    ends[1] = -1;
    if (pid < 0) return -error;
    // The write end closes at exec: end of file means that the program runs.
    ssize_t count;
    do count = read(ends[0], failure, sizeof *failure);
    while (count < 0 && errno == EINTR);
    if (count == 0) return pid;
    if (count != sizeof *failure) failure->error = EIO;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    return -failure->error;
}

int clinux_spawn(
    const char *executable, char *const arguments[], int namespace_fd, const int cgroup_fds[2], int output,
    enum clinux_step *step) {
    struct failure failure = {CLINUX_STEP_FORK, 0};
    int ends[2];
    *step = CLINUX_STEP_FORK;
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    int wanted[5] = {ends[1], output, namespace_fd, cgroup_fds[0], cgroup_fds[1]};
    int copies[5] = {-1, -1, -1, -1, -1};
    int value = 0;
    for (int index = 0; index < 5 && value == 0; index++) {
        if (wanted[index] < 0) continue;
        copies[index] = above_standard(wanted[index]);
        if (copies[index] < 0) value = -errno;
    }
    if (value == 0) {
        close(ends[1]);
        ends[1] = copies[0];
        copies[0] = -1;
        value = fork_and_become(executable, arguments, copies[2], copies + 3, copies[1], ends, &failure);
    }
    for (int index = 0; index < 5; index++) {
        if (copies[index] >= 0) close(copies[index]);
    }
    close(ends[0]);
    if (ends[1] >= 0) close(ends[1]);
    *step = (enum clinux_step)failure.step;
    return value;
}

int clinux_process_descriptor(int pid) {
#ifdef SYS_pidfd_open
    return result((int)syscall(SYS_pidfd_open, pid, 0));
#else
    return -ENOSYS;
#endif
}

int64_t clinux_process_cpu_time(int pid) {
    clockid_t clock;
    int error = clock_getcpuclockid(pid, &clock);
    if (error != 0) return -error;
    struct timespec time;
    if (clock_gettime(clock, &time) < 0) return -errno;
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// MARK: Threads

void clinux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void clinux_prepare_timing_thread(const char *name) {
    clinux_name_thread(name);
    prctl(PR_SET_TIMERSLACK, 1UL);
    // Before all ordinary threads of the machine. Refused without privileges, which costs only accuracy.
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest);
}

// MARK: Waiting

// More than the clients, servers and listeners of the largest case.
enum { most_items = 2048 };

int clinux_wait(struct clinux_wait *items, size_t count, int64_t nanoseconds) {
    if (count > most_items) return -EINVAL;
    struct pollfd polled[most_items];
    for (size_t index = 0; index < count; index++) {
        polled[index].fd = items[index].fd;
        polled[index].events = (items[index].wants_read ? POLLIN : 0) | (items[index].wants_write ? POLLOUT : 0);
        polled[index].revents = 0;
    }
    struct timespec time = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
    int ready = ppoll(polled, count, nanoseconds < 0 ? NULL : &time, NULL);
    if (ready < 0 && errno != EINTR) return -errno;
    for (size_t index = 0; index < count; index++) {
        short events = ready > 0 ? polled[index].revents : 0;
        items[index].can_read = (events & POLLIN) != 0;
        items[index].can_write = (events & POLLOUT) != 0;
        items[index].failed = (events & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    }
    return ready < 0 ? 0 : ready;
}

int64_t clinux_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int clinux_new_event(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void clinux_raise_event(int event) {
    uint64_t one = 1;
    // Fails only when the counter is full, and then it is readable anyway.
    ssize_t ignored = write(event, &one, sizeof one);
    (void)ignored;
}

// MARK: TCP

int clinux_tcp_socket(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    int yes = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0) return fail(fd);
    return fd;
}

static struct sockaddr_in end_point(uint32_t address, uint16_t port) {
    struct sockaddr_in value;
    memset(&value, 0, sizeof value);
    value.sin_family = AF_INET;
    value.sin_addr.s_addr = htonl(address);
    value.sin_port = htons(port);
    return value;
}

int clinux_bind(int socket, uint32_t address, uint16_t port) {
    struct sockaddr_in local = end_point(address, port);
    int yes = 1;
    if (port == 0) {
        // The port is chosen at connect, so that the same one can serve several destinations.
        if (setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes) < 0) return -errno;
    } else if (setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0) {
        return -errno;
    }
    return result(bind(socket, (struct sockaddr *)&local, sizeof local));
}

int clinux_listen(int socket, int backlog) { return result(listen(socket, backlog)); }

int clinux_accept(int socket) {
    int fd;
    do fd = accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return -errno;
    int yes = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0) return fail(fd);
    return fd;
}

int clinux_connect(int socket, uint32_t address, uint16_t port) {
    struct sockaddr_in remote = end_point(address, port);
    if (connect(socket, (struct sockaddr *)&remote, sizeof remote) == 0) return 0;
    // An interrupted connect goes on by itself.
    return errno == EINTR ? -EINPROGRESS : -errno;
}

int clinux_connect_result(int socket) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
    return -error;
}
