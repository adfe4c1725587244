// Renders Jinja as llama.cpp does. Reads {"template": ..., "values": ...}, one a line, and writes
// {"text": ...} or {"error": ...} for each.
#include <cstdlib>
#include <iostream>
#include <string>

#include "json.h"

#include "jinja/lexer.h"
#include "jinja/parser.h"
#include "jinja/runtime.h"

// Nothing else of ggml is needed.
extern "C" void ggml_abort(const char *, int, const char *, ...) { std::abort(); }

static std::string rendered(const std::string & source, const common_json & values) {
    jinja::lexer lexer;
    auto tokens = lexer.tokenize(source);
    jinja::program program = jinja::parse_from_tokens(tokens);
    jinja::context context(source);
    jinja::global_from_json(context, values, true);
    jinja::runtime runtime(context);
    const jinja::value result = runtime.execute(program);
    std::string text;
    for (const auto & part : runtime.gather_string_parts(result)->as_string().parts) {
        text += part.val;
    }
    return text;
}

int main() {
    std::string line;
    while (std::getline(std::cin, line)) {
        common_json asked = common_json::parse(line);
        common_json answer = common_json::object();
        try {
            answer["text"] = rendered(asked["template"].get<std::string>(), asked["values"]);
        } catch (const std::exception & error) {
            answer["error"] = std::string(error.what());
        }
        std::cout << answer.dump() << "\n";
    }
}
