package compiletest

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// Check compiles the cases below dir, a path in the module at root, and says what is not as want.txt has it.
func Check(root, dir string) (problems []string, cases int, err error) {
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		return nil, 0, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, 0, nil
	}
	errorsOf, err := compile(root, dir, names)
	if err != nil {
		return nil, 0, err
	}
	for _, name := range names {
		want, err := readWant(filepath.Join(root, dir, name, "want.txt"))
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		for _, p := range compare(errorsOf[name], want) {
			problems = append(problems, name+": "+p)
		}
	}
	return problems, len(names), nil
}

// compile builds all cases at once and returns the errors of each. A case without errors has compiled.
func compile(root, dir string, names []string) (map[string][]string, error) {
	args := []string{"build", "-gcflags=-e", "-o", os.DevNull} // -e: all errors, not the first ten
	for _, name := range names {
		args = append(args, "./"+path.Join(dir, name))
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	output, runErr := cmd.CombinedOutput()
	errorsOf, stray := parseErrors(string(output))
	if stray != "" || runErr != nil && len(errorsOf) == 0 {
		return nil, fmt.Errorf("go build failed before it compiled anything (%w):\n%s", runErr, output)
	}
	return errorsOf, nil
}

// parseErrors splits the output of go build, which prints "# import/path" before the errors of a package, and continues
// a long error on lines that begin with a tab. It returns what stands before the first package as stray.
func parseErrors(output string) (errorsOf map[string][]string, stray string) {
	errorsOf = map[string][]string{}
	name := ""
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		found := errorsOf[name]
		switch header, isHeader := strings.CutPrefix(line, "# "); {
		case isHeader:
			name = path.Base(header)
		case name == "":
			stray += line + "\n"
		case strings.HasPrefix(line, "\t") && len(found) > 0:
			found[len(found)-1] += " " + strings.TrimSpace(line)
		default:
			errorsOf[name] = append(found, line)
		}
	}
	return errorsOf, stray
}

func readWant(file string) ([]*regexp.Regexp, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("no list of the errors to expect: %w", err)
	}
	var want []*regexp.Regexp
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		re, err := regexp.Compile(line)
		if err != nil {
			return nil, err
		}
		want = append(want, re)
	}
	if len(want) == 0 {
		return nil, fmt.Errorf("%s expects nothing", filepath.Base(file))
	}
	return want, nil
}

// compare says which expressions match no error and which errors are matched by no expression.
func compare(got []string, want []*regexp.Regexp) (problems []string) {
	if len(got) == 0 {
		return []string{"the program compiles"}
	}
	explained := make([]bool, len(got))
	for _, re := range want {
		matched := false
		for i, text := range got {
			if re.MatchString(text) {
				matched, explained[i] = true, true
			}
		}
		if !matched {
			problems = append(problems, fmt.Sprintf("no error matches %q; the errors are:\n%s", re, strings.Join(got, "\n")))
		}
	}
	for i, text := range got {
		if !explained[i] {
			problems = append(problems, "unexpected error: "+text)
		}
	}
	return problems
}
