//go:build tools

// Package tools pins the falco that the Fastly target is linted and tested with.
package tools

import _ "github.com/ysugimoto/falco/cmd/falco"
