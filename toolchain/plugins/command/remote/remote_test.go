package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"amanda-backup/toolchain/plugins/command/script"
)

func runAt(ctx context.Context, endpoint Endpoint) (Outputs, error) {
	command := "command"
	none := Logging("none")
	state := Outputs{Inputs: Inputs{Connection: &Connection{Endpoint: endpoint}, Logging: &none}}
	return state, state.run(ctx, &command)
}

func mustFail(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("it succeeded; wanted a failure with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
}

func TestPasswordLogsIn(t *testing.T) {
	accept := func(given string) (*ssh.Permissions, error) {
		if given != "right-password" {
			return nil, errors.New("no")
		}
		return nil, nil
	}
	ways := map[string]func(*ssh.ServerConfig){
		"password": func(config *ssh.ServerConfig) {
			config.PasswordCallback = func(_ ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
				return accept(string(given))
			}
		},
		"keyboard-interactive": func(config *ssh.ServerConfig) {
			config.KeyboardInteractiveCallback = func(
				_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge,
			) (*ssh.Permissions, error) {
				answers, err := ask("", "", []string{"Password:"}, []bool{false})
				if err != nil {
					return nil, err
				}
				return accept(answers[0])
			}
		},
	}
	for name, configure := range ways {
		t.Run(name, func(t *testing.T) {
			endpoint := startServer(t, func(s *server) { configure(s.config) }).endpoint()
			right, wrong := "right-password", "wrong-password"
			endpoint.Password = &right
			state, err := runAt(context.Background(), endpoint)
			if err != nil || state.Stdout != "ran" {
				t.Fatalf("stdout %q, error %v", state.Stdout, err)
			}
			endpoint.Password = &wrong
			_, err = runAt(context.Background(), endpoint)
			mustFail(t, err, "unable to authenticate")
			if strings.Contains(err.Error(), wrong) {
				t.Errorf("the failure holds the password: %v", err)
			}
		})
	}
}

func TestSilentServerIsGivenUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	endpoint := (&server{listener: listener}).endpoint()
	seconds := 1
	endpoint.PerDialTimeout = &seconds
	_, err = runAt(context.Background(), endpoint)
	mustFail(t, err, "no answer within 1 s (perDialTimeout)", "dialErrorLimit 0")
}

func TestDialErrorLimitCountsFailures(t *testing.T) {
	for _, limit := range []int{0, 3} {
		// A server that hangs up at once.
		s := startServer(t, func(s *server) { s.config.MaxAuthTries = 1; s.config.ServerVersion = "SSH-1.0-old" })
		endpoint := s.endpoint()
		endpoint.DialErrorLimit = &limit
		_, err := runAt(context.Background(), endpoint)
		mustFail(t, err, "cannot connect to 127.0.0.1:")
		if got := int(s.accepted.Load()); got != limit+1 {
			t.Errorf("limit %d: %d connections", limit, got)
		}
	}
}

func TestUnlimitedTriesEndWithTheContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close() // refuses from now on
	endpoint := (&server{listener: listener}).endpoint()
	unlimited := -1
	endpoint.DialErrorLimit = &unlimited
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err = runAt(ctx, endpoint)
	mustFail(t, err, "cancelled while connecting to 127.0.0.1:")
}

func TestLostConnectionIsNoSuccess(t *testing.T) {
	endpoint := startServer(t, func(s *server) {
		s.config.NoClientAuth = true
		s.run = func(_ string, channel ssh.Channel) int {
			_, _ = io.WriteString(channel, "half\n")
			return -1
		}
	}).endpoint()
	_, err := runAt(context.Background(), endpoint)
	mustFail(t, err, "was lost while the command ran", "half")
}

func TestCancelSendsSIGTERM(t *testing.T) {
	terminated := make(chan struct{})
	s := startServer(t, func(s *server) {
		s.config.NoClientAuth = true
		s.run = func(string, ssh.Channel) int {
			<-terminated
			return 143
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error)
	go func() {
		_, err := runAt(ctx, s.endpoint())
		result <- err
	}()
	time.AfterFunc(200*time.Millisecond, cancel)
	if got := <-s.signals; got != "TERM" {
		t.Errorf("signal %q", got)
	}
	close(terminated)
	mustFail(t, <-result, "cancelled, and the command ended")
}

func TestPreviousOutputsAreOffered(t *testing.T) {
	no := false
	outputs := script.Outputs{Stdout: "out"}
	if got := outputs.Previous(nil); len(got) != 1 || got[script.PreviousStdout] != "out" {
		t.Errorf("default: %v", got)
	}
	if got := outputs.Previous(&no); len(got) != 0 {
		t.Errorf("addPreviousOutputInEnv false: %v", got)
	}
}
