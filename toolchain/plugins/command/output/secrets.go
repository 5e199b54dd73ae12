package output

import (
	"context"
	"sort"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// shortestSecret is the length in bytes below which a value is too common a
// word to be struck out wherever it appears.
const shortestSecret = 8

type secretsKey struct{}

// WithSecrets remembers the secret texts among a resource's properties, so that
// Capture keeps them out of logs and failures. A secret of several lines is
// remembered as a whole and by line.
func WithSecrets(ctx context.Context, properties property.Map) context.Context {
	found := map[string]bool{}
	for name, value := range properties.All {
		if name == "connection" {
			collectCredentials(value, found)
			continue
		}
		collect(value, value.Secret(), found)
	}
	secrets := make([]string, 0, len(found))
	for secret := range found {
		secrets = append(secrets, secret)
	}
	// The longest first: a secret may hold another.
	sort.Slice(secrets, func(i, j int) bool { return len(secrets[i]) > len(secrets[j]) })
	return context.WithValue(ctx, secretsKey{}, secrets)
}

func collect(value property.Value, secret bool, found map[string]bool) {
	secret = secret || value.Secret()
	switch {
	case value.IsString() && secret:
		for _, part := range append(strings.Split(value.AsString(), "\n"), value.AsString()) {
			if part = strings.TrimSpace(part); len(part) >= shortestSecret {
				found[part] = true
			}
		}
	case value.IsArray():
		for _, element := range value.AsArray().All {
			collect(element, secret, found)
		}
	case value.IsMap():
		for _, element := range value.AsMap().All {
			collect(element, secret, found)
		}
	}
}

// collectCredentials takes what is confidential in a connection, which is
// secret as a whole: its host and user belong in messages.
func collectCredentials(connection property.Value, found map[string]bool) {
	if !connection.IsMap() {
		return
	}
	for name, value := range connection.AsMap().All {
		switch name {
		case "password", "privateKey", "privateKeyPassword":
			collect(value, true, found)
		case "proxy":
			collectCredentials(value, found)
		}
	}
}

func redact(ctx context.Context, text string) string {
	secrets, _ := ctx.Value(secretsKey{}).([]string)
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "[secret]")
	}
	return text
}
