// The grammar of .tw for tree-sitter: frontend/syntax/grammar.y, production by production,
// so that both refuse the same texts (tests/editors/run.sh). Names and tokens in angle
// brackets come from src/scanner.c, which is asked everywhere, for _never is an extra:
// so a reserved word is never a name, nor the beginning of one.
//
// src/parser.c is made from this by tree-sitter generate --abi 14.

const commas = rule => seq(rule, repeat(seq(',', rule)));
const list = rule => seq(commas(rule), optional(','));

module.exports = grammar({
	name: 'tw',
	externals: $ => [$.name, $.angle, $._never],
	extras: $ => [/[ \t\r\n]/, $.comment, $._never],

	rules: {
		file: $ => repeat($._statement),
		comment: () => /#[^\n]*/,

		// ---- statements ----
		_statement: $ =>
			choice(
				$.use,
				$.model,
				$.enum,
				$.type_definition,
				$.emit,
				$.output,
				$.input,
				$.loss,
				$.test,
				$._local
			),
		_local: $ => choice($.let, $.const, $.function, $.param, $.assert),

		use: $ =>
			seq(
				'use',
				field('module', choice($.name, $.text)),
				optional(seq('as', field('name', $.name)))
			),
		model: $ => seq('model', field('name', $.name), '{', repeat($.setting), '}'),
		setting: $ => seq(field('name', $.name), choice(commas($._sum), $.record_type)),
		enum: $ =>
			seq('enum', field('name', $.name), '{', list(field('member', $.name)), '}'),
		type_definition: $ =>
			seq('type', field('name', $.name), '=', field('type', $._type)),
		emit: $ =>
			seq(
				'emit',
				field('value', $._expr),
				optional(seq('after', field('after', $._expr)))
			),
		output: $ =>
			seq(
				'output',
				field('name', $.name),
				optional($._annotation),
				'=',
				field('value', $._expr)
			),
		input: $ => seq('input', field('name', $.name), ':', field('type', $._type)),
		loss: $ => seq('loss', field('value', $._expr)),
		param: $ =>
			seq(
				'param',
				field('name', $.name),
				$._annotation,
				'=',
				field('value', $._expr)
			),
		let: $ =>
			seq(
				'let',
				field('name', $.name),
				optional($._annotation),
				'=',
				field('value', $._expr)
			),
		const: $ =>
			seq(
				'const',
				field('name', $.name),
				optional($._annotation),
				'=',
				field('value', $._expr)
			),
		assert: $ =>
			seq(
				'assert',
				field('condition', $._expr),
				optional(seq(',', field('message', $.text)))
			),
		_annotation: $ => seq(':', field('type', $._type)),

		function: $ =>
			seq(
				'fn',
				field('name', $.name),
				field('parameters', $.parameters),
				optional(seq('->', field('result', $._type))),
				choice(seq('=', field('body', $._expr)), field('body', $.block))
			),
		parameters: $ => seq('(', optional(list($.parameter)), ')'),
		parameter: $ =>
			seq(
				optional('const'),
				field('name', $.name),
				optional($._annotation),
				optional(seq('=', field('default', $._expr)))
			),
		block: $ => seq('{', repeat($._local), 'return', field('value', $._expr), '}'),

		test: $ =>
			seq(
				'test',
				field('prompt', $._expr),
				'->',
				choice(seq($._expr, optional($.dots)), commas($.label)),
				repeat($.clause)
			),
		label: $ => seq(field('name', $.name), '=', field('value', $._expr)),

		// ---- types ----
		_type: $ => choice($.type, $.array_type, $.record_type),
		type: $ =>
			seq(field('name', $.name), optional(choice(seq('.', $.name), '?', $.span))),
		array_type: $ => seq('[', $._sum, ']', $._type),
		record_type: $ => seq('{', list(seq(field('field', $.name), ':', $._type)), '}'),

		// ---- expressions: what begins with a word and is not closed by a bracket
		// stands at the top only ----
		_expr: $ => choice($._disjunction, $.if, $.reference, $.record, $.with),
		if: $ =>
			seq(
				'if',
				field('condition', $._expr),
				'then',
				field('then', $._expr),
				'else',
				field('else', $._expr)
			),
		reference: $ =>
			choice(
				seq(
					field('selector', $.name),
					field('name', $.name),
					optional($._over),
					$._where
				),
				seq(
					field('selector', $.name),
					field('name', $.name),
					optional($._over),
					'by',
					field('by', $._disjunction),
					optional($._where)
				)
			),
		_over: $ => seq('in', field('in', $._source)),
		_where: $ => seq('where', field('where', $._expr)),
		record: $ => seq('{', list($.binding), '}'),
		with: $ => seq('{', field('record', $._disjunction), 'with', list($.binding), '}'),
		binding: $ => seq(field('field', $.name), ':', field('value', $._expr)),

		_disjunction: $ => choice($._conjunction, alias($._or, $.binary)),
		_or: $ => seq($._disjunction, 'or', $._conjunction),
		_conjunction: $ => choice($._negation, alias($._and, $.binary)),
		_and: $ => seq($._conjunction, 'and', $._negation),
		_negation: $ => choice($._comparison, $.not),
		not: $ => seq('not', $._negation),
		_comparison: $ => choice($._sum, $.comparison, $.membership),
		comparison: $ =>
			seq($._sum, repeat1(seq(choice('==', '!=', '<', '<=', '>', '>='), $._sum))),
		membership: $ => seq($._sum, optional('not'), 'in', $._source),
		_source: $ => choice($._sum, $.span),
		span: $ => seq($._sum, choice('..', '..<'), $._sum),
		_sum: $ => choice($._product, alias($._add, $.binary)),
		_add: $ => seq($._sum, choice('+', '-'), $._product),
		_product: $ => choice($._factor, alias($._multiply, $.binary)),
		_multiply: $ => seq($._product, choice('*', '/', '//', '%'), $._factor),
		_factor: $ => choice($._power, $.negative),
		negative: $ => seq('-', $._factor),
		_power: $ => choice($._postfix, alias($._raise, $.binary)),
		_raise: $ => seq($._postfix, '**', $._factor),
		_postfix: $ => choice($._primary, $.member, $.call, $.index, $.slice),
		member: $ => seq(field('of', $._postfix), '.', field('name', $.name)),
		call: $ => seq(field('function', $._postfix), '(', optional($._arguments), ')'),
		index: $ =>
			seq(
				field('of', $._postfix),
				'[',
				$._expr,
				optional(seq('else', field('else', $._expr))),
				']'
			),
		slice: $ => seq(field('of', $._postfix), '[', $.span, ']'),
		_primary: $ =>
			choice(
				$.name,
				$.integer,
				$.real,
				$.token,
				$.text,
				$.boolean,
				$.group,
				$.array,
				$.comprehension,
				$.match
			),
		group: $ => seq('(', $._expr, ')'),
		array: $ => seq('[', optional(list(choice($._expr, $.dots))), ']'),
		comprehension: $ => seq('[', $._expr, repeat1($.clause), ']'),
		_arguments: $ =>
			choice(
				list(choice($._expr, $.argument)),
				seq($._expr, repeat1($.clause), optional(seq('else', $._expr)))
			),
		argument: $ => seq(field('name', $.name), ':', field('value', $._expr)),
		clause: $ =>
			seq('for', field('name', $.name), optional($._over), optional($._where)),

		match: $ => seq('match', $._subject, '{', list($.arm), '}'),
		_subject: $ => choice($._disjunction, $.subjects),
		subjects: $ => seq('(', $._expr, repeat1(seq(',', $._expr)), ')'),
		arm: $ => seq(choice($._patterns, 'else'), '=>', field('value', $._expr)),
		_patterns: $ => seq($._pattern, repeat(seq('|', $._pattern))),
		_pattern: $ =>
			choice($._value, alias($._value_span, $.span), alias($._tuple, $.tuple)),
		_value_span: $ => seq($._value, choice('..', '..<'), $._value),
		_tuple: $ => seq('(', commas($._patterns), ')'),
		_value: $ =>
			choice(
				$.name,
				alias($._qualified, $.member),
				$.integer,
				alias($._minus, $.negative),
				$.token,
				$.boolean
			),
		_qualified: $ => seq(field('of', $.name), '.', field('name', $.name)),
		_minus: $ => seq('-', $.integer),

		// ---- leaves ----
		boolean: () => choice('true', 'false'),
		integer: () => token(choice(/0x[0-9a-fA-F_]+/, /0b[01_]+/, /[0-9][0-9_]*/)),
		real: () =>
			token(choice(/[0-9]+\.[0-9]+([eE][-+]?[0-9]+)?/, /[0-9]+[eE][-+]?[0-9]+/)),
		token: $ =>
			choice($.angle, token(/'([^'\\\n]|\\[ntr0\\'"]|\\u\{[0-9a-fA-F]+\})+'/)),
		text: () => token(/"([^"\\\n]|\\[ntr0\\'"]|\\u\{[0-9a-fA-F]+\})*"/),
		dots: () => '...',
	},
});
