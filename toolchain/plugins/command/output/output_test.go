package output

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

func secret(text string) property.Value { return property.New(text).WithSecret(true) }

func TestSecretsAreStruckOutWholeAndByLine(t *testing.T) {
	ctx := WithSecrets(context.Background(), property.NewMap(map[string]property.Value{
		"stdin":       secret("first-secret-line\nsecond-secret-line\nshort\n"),
		"create":      property.New("in the open"),
		"environment": property.New(map[string]property.Value{"KEY": secret("value-of-key")}),
		"connection": property.New(map[string]property.Value{
			"host":       property.New("host.example"),
			"privateKey": property.New("key-of-the-connection"),
			"proxy":      property.New(map[string]property.Value{"password": property.New("password-of-the-proxy")}),
		}).WithSecret(true),
	}))
	for _, hidden := range []string{
		"first-secret-line", "second-secret-line", "value-of-key", "key-of-the-connection", "password-of-the-proxy",
	} {
		if got := redact(ctx, "a "+hidden+" b"); got != "a [secret] b" {
			t.Errorf("%s: %q", hidden, got)
		}
	}
	for _, shown := range []string{"in the open", "host.example", "short"} {
		if got := redact(ctx, shown); got != shown {
			t.Errorf("%s: %q", shown, got)
		}
	}
}

func TestFailureKeepsTheEndOfWhatWasSaid(t *testing.T) {
	capture := NewCapture(context.Background(), "none")
	for i := range 20_000 {
		_, _ = fmt.Fprintf(capture.Stdout(), "line %d\n", i)
	}
	_, _ = fmt.Fprintln(capture.Stderr(), "the sentence")
	err := capture.Failure(errors.New("exit status 1"), "converge\nserver")
	text := err.Error()
	if !strings.HasPrefix(text, "exit status 1: running \"converge …\":\n(") || !strings.HasSuffix(text, "the sentence") {
		t.Errorf("got %.80q … %.80q", text, text[len(text)-80:])
	}
	if len(text) > longestFailure+200 {
		t.Errorf("%d bytes", len(text))
	}
}

func TestTextsAreValidUTF8AndLoseOneNewline(t *testing.T) {
	capture := NewCapture(context.Background(), "none")
	_, _ = capture.Stdout().Write([]byte("a\xffb\n\n"))
	if stdout, stderr := capture.Texts(); stdout != "a\uFFFDb\n" || stderr != "" {
		t.Errorf("got %q and %q", stdout, stderr)
	}
}
