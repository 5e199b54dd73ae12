// Package output collects what a command says: for the resource's outputs, for
// the engine's log and for the message of a failure.
package output

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	p "github.com/pulumi/pulumi-go-provider"
)

const (
	// longestLine is how much of a line without end is held back before it is
	// logged in pieces, in bytes.
	longestLine = 64 << 10
	// longestFailure is how much output a failure repeats, in bytes: its end,
	// where scripts say why they stopped.
	longestFailure = 32 << 10
)

// Streams names the streams that go to the engine's log, which is the value of
// the `logging` property: stdout, stderr, stdoutAndStderr or none.
type Streams string

// Both is the default, as in the official plugin.
const Both Streams = "stdoutAndStderr"

func (s Streams) has(name Streams) bool { return s == name || s == Both }

// Capture takes both streams of one run. Its writers may be used at once.
type Capture struct {
	ctx            context.Context
	mutex          sync.Mutex
	stdout, stderr stream
	both           bytes.Buffer
}

type stream struct {
	capture *Capture
	logged  bool
	text    bytes.Buffer
	line    []byte
}

// NewCapture starts an empty capture whose logged lines go to the logger of ctx.
func NewCapture(ctx context.Context, logged Streams) *Capture {
	c := &Capture{ctx: ctx}
	c.stdout = stream{capture: c, logged: logged.has("stdout")}
	c.stderr = stream{capture: c, logged: logged.has("stderr")}
	return c
}

// Stdout is the writer for standard output.
func (c *Capture) Stdout() io.Writer { return &c.stdout }

// Stderr is the writer for standard error.
func (c *Capture) Stderr() io.Writer { return &c.stderr }

// Texts ends the capture and gives both streams without their last newline, in
// valid UTF-8, since nothing else fits into Pulumi's state.
func (c *Capture) Texts() (stdout, stderr string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.flush()
	return text(&c.stdout.text), text(&c.stderr.text)
}

// Failure ends the capture and adds to err what ran and what it said, both
// without the values that came in as secrets.
func (c *Capture) Failure(err error, command string) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.flush()
	said := redact(c.ctx, text(&c.both))
	if cut := len(said) - longestFailure; cut > 0 {
		said = fmt.Sprintf("(%d bytes left out) …%s", cut, strings.ToValidUTF8(said[cut:], ""))
	}
	return fmt.Errorf("%w: running %q:\n%s", err, headline(redact(c.ctx, command)), said)
}

func (s *stream) Write(data []byte) (int, error) {
	s.capture.mutex.Lock()
	defer s.capture.mutex.Unlock()
	s.text.Write(data)
	s.capture.both.Write(data)
	if !s.logged {
		return len(data), nil
	}
	s.line = append(s.line, data...)
	for {
		end := bytes.IndexByte(s.line, '\n')
		if end < 0 {
			break
		}
		s.log(s.line[:end])
		s.line = s.line[end+1:]
	}
	if len(s.line) > longestLine {
		s.log(s.line)
		s.line = nil
	}
	return len(data), nil
}

func (c *Capture) flush() {
	for _, s := range []*stream{&c.stdout, &c.stderr} {
		if len(s.line) > 0 {
			s.log(s.line)
			s.line = nil
		}
	}
}

func (s *stream) log(line []byte) {
	ctx := s.capture.ctx
	p.GetLogger(ctx).InfoStatus(redact(ctx, strings.ToValidUTF8(string(line), "\uFFFD")))
}

func text(buffer *bytes.Buffer) string {
	return strings.ToValidUTF8(strings.TrimSuffix(buffer.String(), "\n"), "\uFFFD")
}

// headline is the part of a command that a person needs to know which it was.
func headline(command string) string {
	const longest = 120
	line, rest, more := strings.Cut(strings.TrimSpace(command), "\n")
	if len(line) > longest {
		line, more = strings.ToValidUTF8(line[:longest], ""), true
	}
	if more || rest != "" {
		line += " …"
	}
	return line
}
