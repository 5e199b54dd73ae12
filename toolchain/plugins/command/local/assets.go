package local

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gobwas/glob"
	"github.com/pulumi/pulumi-go-provider/infer/types"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// collect fills assets and archive from the files that the run left behind.
func (state *Outputs) collect(directory string) error {
	if state.AssetPaths != nil {
		found, err := match(directory, *state.AssetPaths)
		if err != nil {
			return err
		}
		assets := map[string]*types.AssetOrArchive{}
		for path, asset := range found {
			assets[path] = &types.AssetOrArchive{Asset: asset}
		}
		state.Assets = &assets
	}
	if state.ArchivePaths != nil {
		found, err := match(directory, *state.ArchivePaths)
		if err != nil {
			return err
		}
		members := map[string]any{}
		for path, asset := range found {
			members[path] = asset
		}
		if state.Archive, err = resource.NewAssetArchive(members); err != nil {
			return err
		}
	}
	return nil
}

// match gives the files below directory that the globs select. A glob that
// begins with `!` takes files out again; the last one that fits a file decides.
func match(directory string, globs []string) (map[string]*resource.Asset, error) {
	type rule struct {
		glob.Glob
		exclude bool
	}
	var rules []rule
	for _, pattern := range globs {
		text, exclude := strings.CutPrefix(pattern, "!")
		compiled, err := glob.Compile(text, '/')
		if err != nil {
			return nil, fmt.Errorf("%q is not a glob: %w", pattern, err)
		}
		rules = append(rules, rule{compiled, exclude})
	}
	found := map[string]*resource.Asset{}
	err := fs.WalkDir(os.DirFS(directory), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		selected := false
		for _, rule := range rules {
			if rule.Match(path) {
				selected = !rule.exclude
			}
		}
		if selected {
			found[path], err = resource.NewPathAsset(filepath.Join(directory, path))
		}
		return err
	})
	return found, err
}
