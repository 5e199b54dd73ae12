package remote

import (
	"fmt"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"golang.org/x/crypto/ssh"
)

const (
	defaultUser           = "root"
	defaultPort           = 22
	defaultDialErrorLimit = 10
	defaultPerDialTimeout = 15 // seconds
)

// Endpoint is one SSH server and how to log in to it.
type Endpoint struct {
	AgentSocketPath    *string  `pulumi:"agentSocketPath,optional"`
	DialErrorLimit     *int     `pulumi:"dialErrorLimit,optional"`
	Host               *string  `pulumi:"host"`
	HostKey            *string  `pulumi:"hostKey,optional"`
	Password           *string  `pulumi:"password,optional" provider:"secret"`
	PerDialTimeout     *int     `pulumi:"perDialTimeout,optional"`
	Port               *float64 `pulumi:"port,optional"`
	PrivateKey         *string  `pulumi:"privateKey,optional" provider:"secret"`
	PrivateKeyPassword *string  `pulumi:"privateKeyPassword,optional" provider:"secret"`
	User               *string  `pulumi:"user,optional"`
}

// Connection is the host that a command runs on.
type Connection struct {
	Endpoint
	Proxy *ProxyConnection `pulumi:"proxy,optional"`
}

// ProxyConnection is a host that connections to another go through.
type ProxyConnection struct {
	Endpoint
}

// Annotate gives the official plugin's descriptions and defaults.
func (c *Connection) Annotate(a infer.Annotator) {
	a.Describe(&c, "Instructions for how to connect to a remote endpoint.")
	a.Describe(&c.Proxy, "The connection settings for the bastion/proxy host.")
	c.Endpoint.annotate(a)
}

// Annotate gives the official plugin's descriptions and defaults.
func (c *ProxyConnection) Annotate(a infer.Annotator) {
	a.Describe(&c, "Instructions for how to connect to a remote endpoint via a bastion host.")
	c.Endpoint.annotate(a)
}

func (e *Endpoint) annotate(a infer.Annotator) {
	a.Describe(&e.AgentSocketPath, "SSH agent socket; default: the environment variable SSH_AUTH_SOCK.")
	a.Describe(&e.DialErrorLimit, "How many failures to connect are borne; -1: without limit. Default 10.")
	a.Describe(&e.Host, "The address to connect to.")
	a.Describe(&e.HostKey, "The expected host key (a public key's line); without it no key is checked.")
	a.Describe(&e.Password, "The password to log in with.")
	a.Describe(&e.PerDialTimeout, "Seconds for each attempt to connect; 0: without limit. Default 15.")
	a.Describe(&e.Port, "The port to connect to. Default 22.")
	a.Describe(&e.PrivateKey, "The private key to log in with, before the password.")
	a.Describe(&e.PrivateKeyPassword, "The password of the private key.")
	a.Describe(&e.User, "The user to log in as. Default root.")
	a.SetDefault(&e.DialErrorLimit, defaultDialErrorLimit)
	a.SetDefault(&e.PerDialTimeout, defaultPerDialTimeout)
	a.SetDefault(&e.Port, defaultPort)
	a.SetDefault(&e.User, defaultUser)
}

// check finds what no server could accept. Values that are not known yet are
// nil or empty here, and fine.
func (e *Endpoint) check(path string) []p.CheckFailure {
	var failures []p.CheckFailure
	refuse := func(property, format string, values ...any) {
		failures = append(failures, p.CheckFailure{
			Property: path + "." + property,
			Reason:   fmt.Sprintf(format, values...),
		})
	}
	if e.Port != nil && (*e.Port < 0 || *e.Port > 65535 || *e.Port != float64(int(*e.Port))) {
		refuse("port", "%v is no port: give a whole number from 1 to 65535", *e.Port)
	}
	if e.DialErrorLimit != nil && *e.DialErrorLimit < -1 {
		refuse("dialErrorLimit", "%d is no limit: give 0 or more, or -1 for no limit", *e.DialErrorLimit)
	}
	if e.PerDialTimeout != nil && *e.PerDialTimeout < 0 {
		refuse("perDialTimeout", "%d is no number of seconds: give 0 (no limit) or more", *e.PerDialTimeout)
	}
	if e.HostKey != nil && *e.HostKey != "" {
		if _, err := e.pinnedKey(); err != nil {
			refuse("hostKey", "%v", err)
		}
	}
	if e.PrivateKey != nil && *e.PrivateKey != "" {
		if _, err := e.signer(); err != nil {
			refuse("privateKey", "%v", err)
		}
	}
	return failures
}

// pinnedKey parses hostKey; nil without one.
func (e *Endpoint) pinnedKey() (ssh.PublicKey, error) {
	if e.HostKey == nil {
		return nil, nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(*e.HostKey))
	if err != nil {
		return nil, fmt.Errorf("%q is no public key: "+
			"give the line of the host's /etc/ssh/ssh_host_ed25519_key.pub (`ssh-ed25519 AAAA…`)", *e.HostKey)
	}
	return key, nil
}

// signer parses privateKey; nil without one. Its errors never hold the key.
func (e *Endpoint) signer() (ssh.Signer, error) {
	if e.PrivateKey == nil {
		return nil, nil
	}
	var signer ssh.Signer
	var err error
	if e.PrivateKeyPassword != nil && *e.PrivateKeyPassword != "" {
		signer, err = ssh.ParsePrivateKeyWithPassphrase([]byte(*e.PrivateKey), []byte(*e.PrivateKeyPassword))
	} else {
		signer, err = ssh.ParsePrivateKey([]byte(*e.PrivateKey))
	}
	if err != nil {
		return nil, fmt.Errorf("the private key cannot be read (%w): give a whole OpenSSH or PEM key, "+
			"and its password if it has one", err)
	}
	return signer, nil
}

func (e *Endpoint) user() string { return or(e.User, defaultUser) }
func (e *Endpoint) tries() int   { return or(e.DialErrorLimit, defaultDialErrorLimit) }
func (e *Endpoint) timeout() int { return or(e.PerDialTimeout, defaultPerDialTimeout) }
func (e *Endpoint) address() string {
	return joinHostPort(or(e.Host, ""), int(or(e.Port, defaultPort)))
}

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}
