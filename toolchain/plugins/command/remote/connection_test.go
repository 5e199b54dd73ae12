package remote

import (
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestCheckNamesKeyValueAndCure(t *testing.T) {
	encrypted := privateKeyText(t, newKey(t), "the-password")
	for name, test := range map[string]struct {
		set             func(*Endpoint)
		property, wants string
	}{
		"port too high":  {func(e *Endpoint) { e.Port = pointer(70000.0) }, "port", "70000 is no port: give"},
		"port in halves": {func(e *Endpoint) { e.Port = pointer(22.5) }, "port", "22.5 is no port: give"},
		"no limit": {
			func(e *Endpoint) { e.DialErrorLimit = pointer(-2) }, "dialErrorLimit", "-2 is no limit: give",
		},
		"no seconds": {
			func(e *Endpoint) { e.PerDialTimeout = pointer(-1) }, "perDialTimeout", "-1 is no number of seconds: give",
		},
		"no host key": {
			func(e *Endpoint) { e.HostKey = pointer("nonsense") }, "hostKey", `"nonsense" is no public key: give`,
		},
		"no key": {
			func(e *Endpoint) { e.PrivateKey = pointer("nonsense") }, "privateKey", "cannot be read",
		},
		"a key without its password": {
			func(e *Endpoint) { e.PrivateKey = &encrypted }, "privateKey", "its password",
		},
		"a key with a wrong password": {
			func(e *Endpoint) { e.PrivateKey, e.PrivateKeyPassword = &encrypted, pointer("wrong-password") },
			"privateKey", "its password",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var endpoint Endpoint
			test.set(&endpoint)
			failures := endpoint.check("connection")
			if len(failures) != 1 {
				t.Fatalf("%d failures: %v", len(failures), failures)
			}
			if failures[0].Property != "connection."+test.property || !strings.Contains(failures[0].Reason, test.wants) {
				t.Errorf("got %+v, wanted %s with %q", failures[0], test.property, test.wants)
			}
			if strings.Contains(failures[0].Reason, "wrong-password") {
				t.Errorf("the failure holds the password: %v", failures[0].Reason)
			}
		})
	}
}

func TestCheckAcceptsWhatIsRightOrUnknown(t *testing.T) {
	signer := newSigner(t)
	right := Endpoint{
		Port:               pointer(22.0),
		DialErrorLimit:     pointer(-1),
		PerDialTimeout:     pointer(0),
		HostKey:            pointer(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))),
		PrivateKey:         pointer(privateKeyText(t, newKey(t), "the-password")),
		PrivateKeyPassword: pointer("the-password"),
	}
	unknown := Endpoint{Host: pointer(""), Port: pointer(0.0), HostKey: pointer(""), PrivateKey: pointer("")}
	for _, endpoint := range []Endpoint{right, unknown, {}} {
		if failures := endpoint.check("connection"); len(failures) != 0 {
			t.Errorf("refused: %+v", failures)
		}
	}
}

func pointer[T any](value T) *T { return &value }
