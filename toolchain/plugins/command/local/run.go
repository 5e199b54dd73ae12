package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"amanda-backup/toolchain/plugins/command/output"
)

// grace is how long a cancelled command has between SIGTERM and SIGKILL.
const grace = 5 * time.Second

// run runs one script, if there is one, and takes its outputs into the state.
func (state *Outputs) run(ctx context.Context, command *string) error {
	if command == nil {
		return nil
	}
	process, err := state.process(ctx, *command)
	if err != nil {
		return err
	}
	logged := output.Both
	if state.Logging != nil {
		logged = output.Streams(*state.Logging)
	}
	capture := output.NewCapture(ctx, logged)
	process.Stdout, process.Stderr = capture.Stdout(), capture.Stderr()
	if err := process.Run(); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("cancelled: %w", err)
		}
		return capture.Failure(err, *command)
	}
	state.Stdout, state.Stderr = capture.Texts()
	return state.collect(process.Dir)
}

func (state *Outputs) process(ctx context.Context, command string) (*exec.Cmd, error) {
	arguments := []string{"/bin/sh", "-c"}
	if state.Interpreter != nil && len(*state.Interpreter) > 0 {
		arguments = append([]string(nil), *state.Interpreter...)
	}
	arguments = append(arguments, command)
	process := exec.CommandContext(ctx, arguments[0], arguments[1:]...)

	directory, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if state.Dir != nil {
		directory = *state.Dir
		if info, err := os.Stat(directory); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("dir %q is not a directory here: create it, or correct `dir`", directory)
		}
	}
	process.Dir = directory

	process.Env = os.Environ()
	if state.Environment != nil {
		for name, value := range *state.Environment {
			process.Env = append(process.Env, name+"="+value)
		}
	}
	for name, value := range state.Previous(state.AddPreviousOutputInEnv) {
		process.Env = append(process.Env, name+"="+value)
	}
	if state.Stdin != nil {
		process.Stdin = strings.NewReader(*state.Stdin)
	}

	// The command's children go with it: a cancelled update must leave no
	// process behind that still changes things.
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	process.Cancel = func() error {
		err := syscall.Kill(-process.Process.Pid, syscall.SIGTERM)
		time.AfterFunc(grace, func() { _ = syscall.Kill(-process.Process.Pid, syscall.SIGKILL) })
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
	process.WaitDelay = grace + time.Second
	return process, nil
}
