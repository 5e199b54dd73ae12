package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"golang.org/x/crypto/ssh"

	"amanda-backup/toolchain/plugins/command/output"
)

// grace is how long a cancelled command has between SIGTERM and the end of its
// connection.
const grace = 5 * time.Second

// run runs one script, if there is one, and takes its outputs into the state.
func (state *Outputs) run(ctx context.Context, command *string) error {
	if command == nil {
		return nil
	}
	client, closeClient, err := state.Connection.dial(ctx)
	if err != nil {
		return err
	}
	// One connection a run: nothing stays open on the hosts until the plugin ends.
	defer closeClient()
	session, err := client.NewSession()
	if err != nil {
		return fmt.Errorf("%s opens no session: %w", state.Connection.address(), err)
	}
	defer func() { _ = session.Close() }()
	if err := state.setEnvironment(ctx, session); err != nil {
		return err
	}
	logged := output.Both
	if state.Logging != nil {
		logged = output.Streams(*state.Logging)
	}
	capture := output.NewCapture(ctx, logged)
	session.Stdout, session.Stderr = capture.Stdout(), capture.Stderr()
	if err := state.execute(ctx, session, *command); err != nil {
		return capture.Failure(err, *command)
	}
	state.Stdout, state.Stderr = capture.Texts()
	return nil
}

func (state *Outputs) execute(ctx context.Context, session *ssh.Session, command string) error {
	if state.Stdin != nil {
		// By a pipe of our own: a command may end without having read it all,
		// which the library's Stdin would turn into a failure.
		stdin, err := session.StdinPipe()
		if err != nil {
			return err
		}
		go func() {
			_, _ = io.Copy(stdin, strings.NewReader(*state.Stdin))
			_ = stdin.Close()
		}()
	}
	if err := session.Start(command); err != nil {
		return fmt.Errorf("%s does not run commands for user %q: %w",
			state.Connection.address(), state.Connection.user(), err)
	}
	done := make(chan error, 1)
	go func() { done <- session.Wait() }()
	select {
	case err := <-done:
		return explainEnd(state.Connection.address(), err)
	case <-ctx.Done():
	}
	_ = session.Signal(ssh.SIGTERM)
	select {
	case <-done:
		return errors.New("cancelled, and the command ended")
	case <-time.After(grace):
		return errors.New("cancelled, and the command did not end on SIGTERM: it may still run on the host")
	}
}

func explainEnd(address string, err error) error {
	var missing *ssh.ExitMissingError
	if errors.As(err, &missing) {
		return fmt.Errorf("the connection to %s was lost while the command ran, so whether it ended well is unknown",
			address)
	}
	return err
}

// setEnvironment sends the variables. The server decides which names it takes:
// one of ours must be taken, the previous outputs may be turned down.
func (state *Outputs) setEnvironment(ctx context.Context, session *ssh.Session) error {
	const why = "the SSH server takes only the names in its AcceptEnv; " +
		"or begin the command with NAME=value"
	if state.Environment != nil {
		for _, name := range sortedNames(*state.Environment) {
			if err := session.Setenv(name, (*state.Environment)[name]); err != nil {
				return fmt.Errorf("could not set environment variable %q: %w: %s", name, err, why)
			}
		}
	}
	previous := state.Previous(state.AddPreviousOutputInEnv)
	for _, name := range sortedNames(previous) {
		if err := session.Setenv(name, previous[name]); err != nil {
			p.GetLogger(ctx).Warningf("Unable to set '%s': %s; or set addPreviousOutputInEnv to false", name, why)
		}
	}
	return nil
}

func sortedNames(variables map[string]string) []string {
	names := make([]string, 0, len(variables))
	for name := range variables {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
