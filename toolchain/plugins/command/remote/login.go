package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// errRefused marks what another try cannot mend.
var errRefused = errors.New("refused")

// errLogin marks a login that the server turned down. A machine that is just
// starting may do so for a while, but each further try looks like an attack.
var errLogin = errors.New("login refused")

// login is how one endpoint is authenticated, both ways.
type login struct {
	config *ssh.ClientConfig
	// refusal is the host key's, which the SSH library passes on as text only.
	refusal error
	close   func()
}

func (e *Endpoint) login(ctx context.Context) (*login, error) {
	l := &login{close: func() {}}
	l.config = &ssh.ClientConfig{User: e.user()}
	pinned, err := e.pinnedKey()
	if err != nil {
		return nil, fmt.Errorf("hostKey: %w", err)
	}
	if pinned == nil {
		l.config.HostKeyCallback = ssh.InsecureIgnoreHostKey()
	} else {
		l.config.HostKeyAlgorithms = algorithms(pinned)
		l.config.HostKeyCallback = func(_ string, _ net.Addr, shown ssh.PublicKey) error {
			if string(shown.Marshal()) != string(pinned.Marshal()) {
				l.refusal = fmt.Errorf("%w: the host key of %s is not the pinned one (pinned %s, shown %s): "+
					"another machine answers there; if it was replaced on purpose, give its new hostKey",
					errRefused, e.address(), ssh.FingerprintSHA256(pinned), ssh.FingerprintSHA256(shown))
				return l.refusal
			}
			return nil
		}
	}
	if err := e.authenticate(ctx, l); err != nil {
		return nil, err
	}
	return l, nil
}

// algorithms are those that a key can sign with: an RSA key is shown as
// ssh-rsa, but today's servers sign with SHA-2 only.
func algorithms(key ssh.PublicKey) []string {
	if key.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA}
	}
	return []string{key.Type()}
}

// authenticate lists the ways to log in: key and agent first, then password.
func (e *Endpoint) authenticate(ctx context.Context, l *login) error {
	signer, err := e.signer()
	if err != nil {
		return fmt.Errorf("privateKey: %w", err)
	}
	var signers []ssh.Signer
	if signer != nil {
		signers = append(signers, signer)
	}
	fromAgent := func() ([]ssh.Signer, error) { return nil, nil }
	if path := or(e.AgentSocketPath, os.Getenv("SSH_AUTH_SOCK")); path != "" {
		socket, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		switch {
		case err == nil:
			fromAgent = agent.NewClient(socket).Signers
			l.close = func() { _ = socket.Close() }
		case e.AgentSocketPath != nil:
			return fmt.Errorf("agentSocketPath: %w", err)
		}
	}
	// One method for all keys: the SSH library uses each kind of method once.
	l.config.Auth = append(l.config.Auth, ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
		more, err := fromAgent()
		return append(signers, more...), err
	}))
	if e.Password != nil {
		password := *e.Password
		l.config.Auth = append(l.config.Auth, ssh.Password(password), ssh.KeyboardInteractive(
			func(_, _ string, questions []string, _ []bool) ([]string, error) {
				answers := make([]string, len(questions))
				for i := range answers {
					answers[i] = password
				}
				return answers, nil
			}))
	}
	return nil
}

// explain turns the SSH library's error into a sentence that says what to do.
func (l *login) explain(e *Endpoint, err error) error {
	var negotiation *ssh.AlgorithmNegotiationError
	switch {
	case l.refusal != nil:
		return l.refusal
	case errors.As(err, &negotiation) && strings.Contains(err.Error(), "host key"):
		return fmt.Errorf("%w: %s has no host key of the pinned kind (%s): another machine answers there, "+
			"or its keys were made anew; give its hostKey", errRefused, e.address(), l.config.HostKeyAlgorithms[0])
	case strings.Contains(err.Error(), "unable to authenticate"):
		return fmt.Errorf("%w: %s does not let user %q in with the given key or password (%w): "+
			"check user and privateKey, and that the key is in the user's authorized_keys",
			errLogin, e.address(), e.user(), err)
	}
	return err
}

func joinHostPort(host string, port int) string {
	return net.JoinHostPort(host, strconv.Itoa(port))
}
