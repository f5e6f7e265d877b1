import Rendering
import Testing

@Suite("Templates")
struct TemplateTests {
    static let variables: [String: TemplateValue] = [
        "cluster": "shop",
        "port": 5432,
        "is_open": true,
        "is_shut": false,
        "nobody": [],
        "words": ["a", "b"],
        "nodes": [["name": "n1", "port": 1], ["name": "n2", "port": 2]],
        "node": ["name": "n1", "place": ["rack": "r1"]],
        "broken": "a\nb",
    ]

    struct Row: CustomTestStringConvertible {
        var says: String
        var source: String
        var gives: String
        var testDescription: String { says }
    }

    static let rows: [Row] = [
        Row(says: "text stays as it is", source: "a { b } }}\n", gives: "a { b } }}\n"),
        Row(says: "no text at all", source: "", gives: ""),
        Row(says: "text is quoted", source: "x={{ cluster | conf }}\n", gives: "x='shop'\n"),
        Row(
            says: "space in a tag is free", source: "{{cluster|conf}}{{port}}", gives: "'shop'5432"),
        Row(says: "numbers and yes or no", source: "{{ port }} {{ is_open }}", gives: "5432 on"),
        Row(says: "a path", source: "{{ node.place.rack | word }}", gives: "r1"),
        Row(
            says: "tags alone on a line leave none",
            source: "a\n{{#if is_open}}\nb\n  {{else}}  \nc\n{{/if}}\nd\n", gives: "a\nb\nd\n"),
        Row(
            says: "a tag at the end of the file leaves no line",
            source: "a\n{{#if is_open}}\nb\n{{/if}}", gives: "a\nb\n"),
        Row(
            says: "tags inside a line leave the line",
            source: "a {{#if is_shut}}b{{else}}c{{/if}} d\n", gives: "a c d\n"),
        Row(
            says: "a remark leaves nothing", source: "{{! why | so }}\na{{! b }}c\n", gives: "ac\n"),
        Row(says: "unless", source: "{{#unless is_shut}}a{{else}}b{{/unless}}", gives: "a"),
        Row(
            says: "each looks into the element first, then outwards",
            source:
                "{{#each nodes}}\n{{ name | word }}:{{ port }}/{{ cluster | word }}\n{{/each}}\n",
            gives: "n1:1/shop\nn2:2/shop\n"),
        Row(
            says: "the element itself", source: "{{#each words}}{{ . | word }};{{/each}}",
            gives: "a;b;"),
        Row(
            says: "an empty list has an else", source: "{{#each nobody}}a{{else}}b{{/each}}",
            gives: "b"),
        Row(
            says: "blocks nest",
            source: "{{#each words}}{{#if is_open}}{{#unless is_shut}}x{{/unless}}{{/if}}{{/each}}",
            gives: "xx"),
        Row(says: "CR and LF both stay", source: "a\r\n{{ port }}\r\n", gives: "a\r\n5432\r\n"),
    ]

    @Test(arguments: rows)
    func fillsIn(_ row: Row) throws {
        let template = try Template(row.source, file: "t.tmpl")
        #expect(try template.render(Self.variables) == row.gives)
        #expect(try template.render(Self.variables) == row.gives, "the second time too")
    }

    /// What a value holds is never read as a template.
    @Test func valuesAreNoTemplates() throws {
        let template = try Template("{{ a | conf }}", file: "t")
        #expect(try template.render(["a": "{{ b }}{{/if}}"]) == "'{{ b }}{{/if}}'")
    }

    static let filters =
        "conf, conf_name, conf_element, hba, ident, word, sql_literal, sql_identifier, sh, unit_word, "
        + "unit_program, unit_argument, unit_value, yaml, compose, compose_part, sudoers_user, sudoers_argument, ssh_option, pgbouncer, "
        + "comment, line"

    static let mistakes: [Row] = [
        Row(
            says: "undefined", source: "a\n b {{ clster | conf }}",
            gives: "2:4: 'clster' is undefined"),
        Row(
            says: "undefined further down", source: "{{ node.plce.rack | conf }}",
            gives: "1:1: 'node.plce.rack' is undefined: there is no 'plce'"),
        Row(
            says: "undefined in the second element only if it is",
            source: "{{#each nodes}}\n{{ rack | word }}\n{{/each}}",
            gives: "2:1: 'rack' is undefined"),
        Row(
            says: "undefined in a branch", source: "é{{#if is_open}}{{ x }}{{/if}}",
            gives: "1:17: 'x' is undefined"),
        Row(
            says: "text without a filter", source: "{{ cluster }}",
            gives: "1:1: 'cluster' is text and needs a filter (\(filters))"),
        Row(
            says: "a filter for text on a number", source: "{{ port | conf }}",
            gives: "1:1: 'port' is a number, the filter conf wants text"),
        Row(
            says: "unknown filter", source: "\n{{ cluster | cnf }}",
            gives: "2:1: unknown filter 'cnf' (known: \(filters))"),
        Row(
            says: "a list is not written out", source: "{{ words }}",
            gives: "1:1: 'words' is a list and cannot be written out"),
        Row(
            says: "a table is not written out", source: "{{ node | conf }}",
            gives: "1:1: 'node' is a table and cannot be written out"),
        Row(
            says: "if wants a yes or no", source: "{{#if cluster}}a{{/if}}",
            gives: "1:1: 'cluster' is text, #if wants a yes or no"),
        Row(
            says: "each wants a list", source: "a\n{{#each node}}\n{{/each}}",
            gives: "2:1: 'node' is a table, #each wants a list"),
        Row(
            says: "a value that cannot be quoted", source: "x = {{ broken | conf }}",
            gives: "1:5: 'broken' cannot be said in postgresql.conf: it holds a line break"),
        Row(
            says: "unclosed block", source: "a\n  {{#if is_open}}\nb\n",
            gives: "2:3: {{#if}} is never closed"),
        Row(
            says: "the innermost unclosed block", source: "{{#each words}}\n{{#if is_open}}\n",
            gives: "2:1: {{#if}} is never closed"),
        Row(
            says: "closed in the wrong order",
            source: "{{#each words}}{{#if is_open}}{{/each}}{{/if}}",
            gives: "1:31: {{/each}} closes nothing, {{/if}} is expected"),
        Row(
            says: "closed twice", source: "{{#if is_open}}{{/if}}{{/if}}",
            gives: "1:23: {{/if}} closes nothing"),
        Row(says: "else alone", source: "{{else}}", gives: "1:1: {{else}} belongs to no block"),
        Row(
            says: "else twice", source: "{{#if is_open}}{{else}}{{else}}{{/if}}",
            gives: "1:24: {{else}} belongs to no block"),
        Row(
            says: "unclosed tag", source: "a {{ cluster\n}}",
            gives: "1:3: '{{' without '}}' on the same line"),
        Row(says: "empty tag", source: "a{{ }}", gives: "1:2: the tag is empty"),
        Row(
            says: "unknown block", source: "{{#with node}}{{/with}}",
            gives: "1:1: unknown block '#with' (known: #if, #unless, #each)"),
        Row(says: "a block without a name", source: "{{#if}}", gives: "1:1: #if wants one name"),
        Row(
            says: "a block with two names", source: "{{#if a b}}", gives: "1:1: #if wants one name"),
        Row(
            says: "two words", source: "{{ cluster conf }}",
            gives: "1:1: a tag is {{ name }} or {{ name | filter }}"),
        Row(
            says: "two filters", source: "{{ cluster | conf | word }}",
            gives: "1:1: a tag is {{ name }} or {{ name | filter }}"),
        Row(
            says: "no name", source: "{{ node..name | conf }}",
            gives: "1:1: 'node..name' is no name"),
    ]

    @Test(arguments: mistakes)
    func saysWhatIsWrongAndWhere(_ row: Row) throws {
        let error = try #require(throws: TemplateError.self) {
            try Template(row.source, file: "t.tmpl").render(Self.variables)
        }
        #expect(error.description == "t.tmpl:" + row.gives)
    }
}
