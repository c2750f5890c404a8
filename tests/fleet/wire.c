/*
 * wire: a bad network cable. Carries ethernet frames between an interface (the switch's end of a host's cable) and a
 * new tap on the switch, and on the way delays, reorders, drops, doubles and slows them.
 *
 * In user space, because the kernels of virtual machines often lack netem. Both ends are handed large frames with a
 * virtio header, so that checksums which the kernel has not computed yet stay its own matter.
 *
 * usage: wire INTERFACE TAP SETTINGS
 * SETTINGS is a file with five numbers: delay in ms, jitter in ms (more than the gap between frames reorders them),
 * loss in per mille, duplication in per mille, rate in kbit/s (0: none). All are per direction. Read again on SIGHUP.
 * Prints "ready" once frames flow.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000.0
/* The largest frame of a segmentation offload, with its headers. */
#define FRAME_BYTES_MAX 70000
/* Frames under way in one direction. At 1500 bytes this is 30 MB; what comes on top is dropped, as on a real line. */
#define FRAMES_MAX 20000
/* A slow line's own buffer. What would wait longer than this is dropped, as a modem does. */
#define QUEUE_NS_MAX (NS_PER_S / 2)
/* Frames read from one end before the other gets its turn. */
#define BURST 64
/* Sockets that hold less than this drop frames of their own accord under load. */
#define SOCKET_BUFFER_BYTES (8 << 20)

struct frame {
  struct frame *next;
  uint64_t due_ns;
  ssize_t bytes;
  unsigned char content[];
};

/* One direction: what is under way, ordered by when it is due. */
struct lane {
  struct frame *first;
  uint64_t line_free_ns;
  int frames;
  int in, out;
};

static struct {
  double delay_ms, jitter_ms, loss_permille, duplicate_permille, rate_kbit;
} line;

static volatile sig_atomic_t settings_changed = 1;

static void on_hangup(int signal) {
  (void)signal;
  settings_changed = 1;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void read_settings(const char *path) {
  settings_changed = 0;
  FILE *file = fopen(path, "re");
  if (!file) fail(path);
  if (fscanf(file, "%lf %lf %lf %lf %lf", &line.delay_ms, &line.jitter_ms, &line.loss_permille,
             &line.duplicate_permille, &line.rate_kbit) != 5) {
    fprintf(stderr, "%s does not hold five numbers\n", path);
    exit(1);
  }
  fclose(file);
}

static void enqueue(struct lane *lane, const unsigned char *content, ssize_t bytes, uint64_t now) {
  uint64_t sent_ns = now;
  if (line.rate_kbit > 0) {
    double bits = (double)(bytes - (ssize_t)sizeof(struct virtio_net_hdr)) * 8;
    if (lane->line_free_ns < now) lane->line_free_ns = now;
    if (lane->line_free_ns - now > QUEUE_NS_MAX) return;
    lane->line_free_ns += (uint64_t)(bits * NS_PER_MS / line.rate_kbit);
    sent_ns = lane->line_free_ns;
  }
  if (lane->frames >= FRAMES_MAX) return;

  double delay_ms = line.delay_ms + (drand48() * 2 - 1) * line.jitter_ms;
  struct frame *frame = malloc(sizeof *frame + (size_t)bytes);
  if (!frame) return;
  frame->due_ns = sent_ns + (delay_ms > 0 ? (uint64_t)(delay_ms * NS_PER_MS) : 0);
  frame->bytes = bytes;
  memcpy(frame->content, content, (size_t)bytes);

  struct frame **place = &lane->first;
  while (*place && (*place)->due_ns <= frame->due_ns) place = &(*place)->next;
  frame->next = *place;
  *place = frame;
  lane->frames++;
}

/* Sends what is due. Returns when the next frame will be, or UINT64_MAX. */
static uint64_t deliver(struct lane *lane, uint64_t now) {
  while (lane->first && lane->first->due_ns <= now) {
    struct frame *frame = lane->first;
    /* An end that is down or full loses the frame, as a cable does. */
    if (write(lane->out, frame->content, (size_t)frame->bytes) < 0 && errno != EAGAIN && errno != EIO &&
        errno != ENETDOWN && errno != ENOBUFS)
      perror("write");
    lane->first = frame->next;
    lane->frames--;
    free(frame);
  }
  return lane->first ? lane->first->due_ns : UINT64_MAX;
}

static void take_in(struct lane *lane, uint64_t now) {
  static unsigned char content[FRAME_BYTES_MAX];
  for (int count = 0; count < BURST; count++) {
    ssize_t bytes = read(lane->in, content, sizeof content);
    if (bytes <= 0) return;
    if (drand48() * 1000 < line.loss_permille) continue;
    enqueue(lane, content, bytes, now);
    if (drand48() * 1000 < line.duplicate_permille) enqueue(lane, content, bytes, now);
  }
}

static int open_interface(const char *name) {
  int on = 1, bytes = SOCKET_BUFFER_BYTES;
  int end = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
  if (end < 0) fail("socket");
  if (setsockopt(end, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on)) fail("PACKET_VNET_HDR");
  if (setsockopt(end, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on)) fail("PACKET_IGNORE_OUTGOING");
  /* Without the right to go beyond the system's limit, the limit has to do. */
  if (setsockopt(end, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes)) perror("SO_RCVBUFFORCE");
  if (setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes)) perror("SO_SNDBUFFORCE");
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
  address.sll_ifindex = (int)if_nametoindex(name);
  if (!address.sll_ifindex) fail(name);
  if (bind(end, (struct sockaddr *)&address, sizeof address)) fail("bind");
  struct packet_mreq everything = {.mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
  if (setsockopt(end, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything, sizeof everything)) fail("promiscuous");
  return end;
}

static int open_tap(const char *name) {
  int end = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (end < 0) fail("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(end, TUNSETIFF, &request)) fail("TUNSETIFF");
  if (ioctl(end, TUNSETOFFLOAD, TUN_F_CSUM)) fail("TUNSETOFFLOAD");
  return end;
}

int main(int count, char **arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: wire INTERFACE TAP SETTINGS\n");
    return 2;
  }
  int interface = open_interface(arguments[1]), tap = open_tap(arguments[2]);
  struct lane lanes[2] = {{.in = interface, .out = tap}, {.in = tap, .out = interface}};
  struct sigaction hangup = {.sa_handler = on_hangup};
  sigaction(SIGHUP, &hangup, NULL);
  srand48((long)now_ns() ^ getpid());
  printf("ready\n");
  fflush(stdout);

  for (;;) {
    if (settings_changed) read_settings(arguments[3]);
    uint64_t now = now_ns(), next = UINT64_MAX;
    for (int lane = 0; lane < 2; lane++) {
      uint64_t due = deliver(&lanes[lane], now);
      if (due < next) next = due;
    }
    /* A second at most, so that a hangup which came just before the wait is seen soon. */
    uint64_t wait = next == UINT64_MAX ? NS_PER_S : next > now ? next - now : 0;
    struct timespec until = {(time_t)(wait / NS_PER_S), (long)(wait % NS_PER_S)};
    struct pollfd ends[2] = {{interface, POLLIN, 0}, {tap, POLLIN, 0}};
    ppoll(ends, 2, &until, NULL);
    for (int lane = 0; lane < 2; lane++) take_in(&lanes[lane], now_ns());
  }
}
