package remote

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
)

// server is an SSH server in this process, for what a real sshd does only as
// root or not at all: passwords, signals, silence, lost connections.
type server struct {
	listener net.Listener
	config   *ssh.ServerConfig
	accepted atomic.Int32
	signals  chan string
	// run answers one command; it returns the exit status, or -1 to drop the
	// connection without one.
	run func(command string, channel ssh.Channel) int
}

func startServer(t *testing.T, configure func(*server)) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	s := &server{listener: listener, config: &ssh.ServerConfig{}, signals: make(chan string, 1)}
	s.config.AddHostKey(newSigner(t))
	s.run = func(_ string, channel ssh.Channel) int {
		_, _ = io.WriteString(channel, "ran\n")
		return 0
	}
	configure(s)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.accepted.Add(1)
			go s.serve(conn)
		}
	}()
	return s
}

func (s *server) endpoint() Endpoint {
	host, port := "127.0.0.1", float64(s.listener.Addr().(*net.TCPAddr).Port)
	none, limit, seconds, user := "", 0, 2, "someone"
	return Endpoint{
		Host: &host, Port: &port, User: &user, AgentSocketPath: &none,
		DialErrorLimit: &limit, PerDialTimeout: &seconds,
	}
}

func (s *server) serve(conn net.Conn) {
	session, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for newChannel := range channels {
		channel, requests, err := newChannel.Accept()
		if err != nil {
			return
		}
		go s.answer(session, channel, requests)
	}
}

func (s *server) answer(session *ssh.ServerConn, channel ssh.Channel, requests <-chan *ssh.Request) {
	for request := range requests {
		switch request.Type {
		case "exec":
			_ = request.Reply(true, nil)
			go func() {
				status := s.run(string(request.Payload[4:]), channel)
				if status < 0 {
					_ = session.Close()
					return
				}
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
				_ = channel.Close()
			}()
		case "signal":
			s.signals <- strings.TrimSpace(string(request.Payload[4:]))
		default:
			_ = request.Reply(false, nil)
		}
	}
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newSigner(t *testing.T) ssh.Signer {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func privateKeyText(t *testing.T, key ed25519.PrivateKey, password string) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(password))
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}
