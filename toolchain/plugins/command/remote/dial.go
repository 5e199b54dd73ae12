package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"golang.org/x/crypto/ssh"
)

const (
	// loginTries is how often a server may turn a login down: enough for a
	// machine that is just starting, too few to be locked out as an attacker.
	loginTries = 3

	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

type dialer func(ctx context.Context, address string) (net.Conn, error)

func direct(ctx context.Context, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// dial connects to the host, through the proxy if there is one. The function
// that it gives closes all of it.
func (c *Connection) dial(ctx context.Context) (*ssh.Client, func(), error) {
	if c.Proxy == nil {
		client, err := c.connect(ctx, direct)
		if err != nil {
			return nil, nil, err
		}
		return client, func() { _ = client.Close() }, nil
	}
	proxy, err := c.Proxy.connect(ctx, direct)
	if err != nil {
		return nil, nil, fmt.Errorf("proxy: %w", err)
	}
	client, err := c.connect(ctx, func(ctx context.Context, address string) (net.Conn, error) {
		return proxy.DialContext(ctx, "tcp", address)
	})
	if err != nil {
		_ = proxy.Close()
		return nil, nil, fmt.Errorf("through proxy %s: %w", c.Proxy.address(), err)
	}
	return client, func() { _ = client.Close(); _ = proxy.Close() }, nil
}

// connect tries until it succeeds, dialErrorLimit is reached, the host proves
// to be the wrong one, or ctx ends.
func (e *Endpoint) connect(ctx context.Context, dial dialer) (*ssh.Client, error) {
	login, err := e.login(ctx)
	if err != nil {
		return nil, err
	}
	defer login.close()
	pause, limit, refusedLogins := firstPause, e.tries(), 0
	for failures := 0; ; failures++ {
		client, err := e.attempt(ctx, dial, login)
		if err == nil {
			return client, nil
		}
		if errors.Is(err, errLogin) {
			refusedLogins++
		}
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("cancelled while connecting to %s", e.address())
		case errors.Is(err, errRefused), refusedLogins >= loginTries:
			return nil, err
		case limit >= 0 && failures >= limit:
			return nil, fmt.Errorf("cannot connect to %s as %s: after %d failed attempts (dialErrorLimit %d): %w",
				e.address(), e.user(), failures, limit, err)
		}
		p.GetLogger(ctx).InfoStatusf("%s: attempt %d failed, trying again: %v", e.address(), failures+1, err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(pause*3/2, longestPause)
	}
}

// attempt connects and logs in once, all within perDialTimeout.
func (e *Endpoint) attempt(ctx context.Context, dial dialer, login *login) (*ssh.Client, error) {
	if seconds := e.timeout(); seconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(seconds)*time.Second,
			fmt.Errorf("no answer within %d s (perDialTimeout)", seconds))
		defer cancel()
	}
	conn, err := dial(ctx, e.address())
	if err != nil {
		return nil, because(ctx, err)
	}
	// A connection through a proxy knows no deadlines: closing it is the way to
	// end a handshake that hangs.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	session, channels, requests, err := ssh.NewClientConn(conn, e.address(), login.config)
	if err == nil && !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return nil, because(ctx, login.explain(e, err))
	}
	return ssh.NewClient(session, channels, requests), nil
}

// because prefers the reason for which ctx ended to the error that this caused.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
