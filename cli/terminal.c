/* Signals are blocked except while waiting for a key, so that none is lost between a look
 * at `caught` and the wait. */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
enum {
  N_SIGNALS = sizeof signals / sizeof signals[0]
};

/* The signal that came while waiting; 0 for none. */
static volatile sig_atomic_t caught;

static void remember(int number) {
  caught = number;
}

typedef struct signal_state {
  sigset_t mask;
  struct sigaction actions[N_SIGNALS];
} signal_state;

static void catch_signals(signal_state *before) {
  sigset_t blocked;
  (void)sigemptyset(&blocked);
  for (int i = 0; i < N_SIGNALS; i++) {
    (void)sigaddset(&blocked, signals[i]);
  }
  (void)sigprocmask(SIG_BLOCK, &blocked, &before->mask);
  caught = 0;
  struct sigaction action = {.sa_handler = remember}; /* no SA_RESTART: waiting ends */
  (void)sigemptyset(&action.sa_mask);
  for (int i = 0; i < N_SIGNALS; i++) {
    (void)sigaction(signals[i], NULL, &before->actions[i]);
    if (before->actions[i].sa_handler != SIG_IGN) {
      (void)sigaction(signals[i], &action, NULL);
    }
  }
}

static void release_signals(const signal_state *before) {
  for (int i = 0; i < N_SIGNALS; i++) {
    (void)sigaction(signals[i], &before->actions[i], NULL);
  }
  (void)sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

static void write_all(int fd, const char *text) {
  size_t left = strlen(text);
  while (left > 0) {
    const ssize_t written = write(fd, text, left);
    if (written < 0 && errno != EINTR) {
      return;
    }
    if (written > 0) {
      text += written;
      left -= (size_t)written;
    }
  }
}

/* One byte: 1, or 0 at the end of input, or -1 on a signal or an error. */
static int read_byte(int fd, const sigset_t *waiting_mask, char *byte) {
  fd_set readable;
  int ready = 0;
  do {
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    ready = pselect(fd + 1, &readable, NULL, NULL, NULL, waiting_mask);
  } while (ready < 0 && errno == EINTR && caught == 0);
  if (ready < 0) {
    return -1;
  }
  return (int)read(fd, byte, 1);
}

static terminal_status read_line(int fd, const sigset_t *waiting_mask, char *out, size_t capacity,
                                 size_t *length) {
  bool too_long = false;
  *length = 0;
  for (;;) {
    char byte = 0;
    const int got = read_byte(fd, waiting_mask, &byte);
    if (got < 0) {
      return TERMINAL_FAILED;
    }
    if (got == 0 || byte == '\n') {
      return too_long ? TERMINAL_TOO_LONG : TERMINAL_OK;
    }
    if (*length < capacity) {
      out[(*length)++] = byte;
    } else {
      too_long = true;
    }
    sodium_memzero(&byte, sizeof byte);
  }
}

static terminal_status ask(int fd, const char *prompt, char *out, size_t capacity,
                           size_t *length) {
  struct termios before;
  if (tcgetattr(fd, &before) != 0) {
    return TERMINAL_NONE;
  }
  signal_state signals_before;
  catch_signals(&signals_before);
  struct termios silent = before;
  silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
  silent.c_lflag |= ICANON | ISIG;
  terminal_status status = TERMINAL_FAILED;
  if (tcsetattr(fd, TCSAFLUSH, &silent) == 0) {
    write_all(fd, prompt);
    status = read_line(fd, &signals_before.mask, out, capacity, length);
    write_all(fd, "\n");
    (void)tcsetattr(fd, TCSAFLUSH, &before);
  }
  release_signals(&signals_before);
  return status;
}

terminal_status terminal_read_secret(const char *prompt, char *out, size_t capacity,
                                     size_t *length) {
  const int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (fd < 0 || fd >= FD_SETSIZE) {
    if (fd >= 0) {
      (void)close(fd);
    }
    return TERMINAL_NONE;
  }
  terminal_status status = TERMINAL_FAILED;
  do {
    status = ask(fd, prompt, out, capacity, length);
    if (status == TERMINAL_FAILED) {
      sodium_memzero(out, capacity);
      if (caught != 0) {
        (void)raise(caught);
      }
    }
  } while (status == TERMINAL_FAILED && caught == SIGTSTP); /* resumed: ask again */
  (void)close(fd);
  return status;
}
