// Renders Go templates as Ollama does: with its options, functions and values, and after it has
// merged messages. Reads {"templates": [...], "requests": [...]} and writes, for each template,
// the text of each request.
package main

import (
	"encoding/json"
	"log"
	"os"
	"strings"
	"text/template"
	"time"
)

type message struct {
	Role      string     `json:"role"`
	Content   string     `json:"content"`
	Thinking  string     `json:"thinking"`
	ToolCalls []toolCall `json:"tool_calls"`
	ToolName  string     `json:"tool_name"`
}

type toolCall struct {
	Function struct {
		Index     int            `json:"index"`
		Name      string         `json:"name"`
		Arguments map[string]any `json:"arguments"`
	} `json:"function"`
}

type request struct {
	Messages []message        `json:"messages"`
	Tools    []map[string]any `json:"tools"`
	Think    *bool            `json:"think"`
}

var functions = template.FuncMap{
	"json": func(value any) string {
		written, _ := json.Marshal(value)
		return string(written)
	},
	"currentDate":      func(...string) string { return time.Now().Format("2006-01-02") },
	"yesterdayDate":    func(...string) string { return time.Now().AddDate(0, 0, -1).Format("2006-01-02") },
	"toTypeScriptType": func(any) string { return "any" },
}

// collate joins what all system messages say, and merges messages of one role that follow one
// another, but for those of tools. System messages stay among the messages too.
func collate(messages []message) (string, []*message) {
	var system []string
	var collated []*message
	for at := range messages {
		said := messages[at]
		if said.Role == "system" {
			system = append(system, said.Content)
		}
		last := len(collated) - 1
		if last >= 0 && collated[last].Role == said.Role && said.Role != "tool" {
			collated[last].Content += "\n\n" + said.Content
		} else {
			collated = append(collated, &said)
		}
	}
	return strings.Join(system, "\n\n"), collated
}

func render(parsed *template.Template, asked request) (string, error) {
	system, messages := collate(asked.Messages)
	var text strings.Builder
	err := parsed.Execute(&text, map[string]any{
		"System":     system,
		"Messages":   messages,
		"Tools":      asked.Tools,
		"Response":   "",
		"Think":      asked.Think != nil && *asked.Think,
		"ThinkLevel": "",
		"IsThinkSet": asked.Think != nil,
	})
	return text.String(), err
}

func main() {
	var asked struct {
		Templates []string  `json:"templates"`
		Requests  []request `json:"requests"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		log.Fatal(err)
	}
	texts := make([][]string, len(asked.Templates))
	for at, source := range asked.Templates {
		parsed, err := template.New("").Option("missingkey=zero").Funcs(functions).Parse(source)
		if err != nil {
			log.Fatalf("template %d: %v", at, err)
		}
		for _, one := range asked.Requests {
			text, err := render(parsed, one)
			if err != nil {
				log.Fatalf("template %d: %v", at, err)
			}
			texts[at] = append(texts[at], text)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(texts); err != nil {
		log.Fatal(err)
	}
}
