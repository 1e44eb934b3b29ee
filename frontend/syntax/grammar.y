/* The grammar, for bison: LALR(1) without conflicts. An action builds one node of the tree
 * (ast.h) by a call into parse.c. Errors: with lookahead correction (%define parse.lac, after Denny
 * 2010, "PSLR(1)") the parser knows which symbols would have fitted, for the messages of
 * syntax_errors.c; then it goes on at the next statement, parenthesis or definition. */
%require "3.8"

%code requires {
#include "frontend/syntax/parser.h"
}
%code provides {
#define YYSTYPE TWSTYPE
#define YYLTYPE TWLTYPE
}

%define api.pure full
%define api.prefix {tw}
%define api.token.prefix {TOK_}
%define api.location.type {Span}
%define api.value.type {Ast *}
%define parse.error custom
%define parse.lac full
%locations
%expect 0

%lex-param   { void *scanner }
%parse-param { void *scanner } { Parser *p }

%token USE "use" AS "as" MODEL "model" ENUM "enum" TYPE "type" CONST "const" LET "let" FN "fn"
%token RETURN "return" EMIT "emit" AFTER "after" OUTPUT "output" INPUT "input" ASSERT "assert"
%token PARAM "param" LOSS "loss"
%token TEST "test" IF "if" THEN "then" ELSE "else" MATCH "match" WHERE "where" BY "by" FOR "for"
%token IN "in" WITH "with"
%token AND "and" OR "or" NOT "not" TRUE "true" FALSE "false"
%token NAME "name" INT "integer" REAL "number" TOKEN "token literal" STRING "text"
%token DOTS "..." UPTO "..<" TO ".." ARROW "->" GIVES "=>"
%token EQ "==" NE "!=" LE "<=" GE ">=" POW "**" FLOOR "//"

%code {
#include "lang/pointer_map.h"

#define YYLLOC_DEFAULT(cur, rhs, n) \
	((cur).lo = (n) ? YYRHSLOC(rhs, 1).lo : YYRHSLOC(rhs, 0).hi, \
	 (cur).hi = (n) ? YYRHSLOC(rhs, n).hi : YYRHSLOC(rhs, 0).hi)
#define YYMAXDEPTH 8000
/* Stacks that a parse which fails gives back (lang/arena.h). */
#define YYMALLOC guarded_malloc
#define YYFREE   guarded_free

#define N(kind, ...) ast_new(p, N_##kind, yyloc, __VA_ARGS__)
#define ADD(list, x) ast_add(p, list, x)
#define BAD          ast_new(p, N_BAD, yyloc, 0)

/* Remembers the token before, for messages that point behind it. */
static int next_token(TWSTYPE *, TWLTYPE *, void *scanner, Parser *);
#define twlex(value, span, scanner) next_token(value, span, scanner, p)
static void twerror(Span *, void *scanner, Parser *, const char *);
}

%%

/* ---- statements: each starts with a reserved word, so none needs an end ---- */

file:
  stmts                                     { p->tree->root = $1; }
;
stmts:
  %empty                                    { $$ = N(LIST, 0); }
| stmts stmt                                { $$ = ADD($1, $2); }
| stmts error                               { $$ = ADD($1, ast_new(p, N_BAD, @2, 0)); }
;
stmt:
  k_use NAME as                             { $$ = N(USE, 2, $2, $3); }
| k_use STRING as                           { $$ = N(USE, 2, $2, $3); }
| k_model NAME '{' settings '}'             { $$ = N(MODEL, 2, $2, $4); }
| k_enum NAME '{' names comma '}'           { $$ = N(ENUM, 2, $2, $4); }
| k_type NAME '=' type                      { $$ = N(TYPE, 2, $2, $4); }
| k_emit expr                               { $$ = N(EMIT, 2, $2, NULL); }
| k_emit expr "after" expr                  { $$ = N(EMIT, 2, $2, $4); }
| k_output NAME annotation '=' expr         { $$ = N(OUTPUT, 3, $2, $3, $5); }
| k_input NAME ':' type                     { $$ = N(INPUT, 2, $2, $4); }
| k_loss expr                               { $$ = N(LOSS, 1, $2); }
| k_test expr "->" expectation cases        { $$ = N(TEST, 3, $2, $4, $5); }
| local
;
as:
  %empty                                    { $$ = NULL; }
| "as" NAME                                 { $$ = $2; }
;

/* what a file and a function body may both hold */
local:
  k_let NAME annotation '=' expr            { $$ = N(LET, 3, $2, $3, $5); }
| k_const NAME annotation '=' expr          { $$ = N(CONST, 3, $2, $3, $5); }
| k_let NAME annotation '=' error           { $$ = N(LET, 3, $2, NULL, BAD); }
| k_const NAME annotation '=' error         { $$ = N(CONST, 3, $2, NULL, BAD); }
| k_fn NAME '(' params ')' result body      { $$ = N(FN, 4, $2, $4, $6, $7); }
| k_param NAME ':' type '=' expr            { $$ = N(LEARNED, 3, $2, $4, $6); }
| k_assert expr                             { $$ = N(ASSERT, 2, $2, NULL); }
| k_assert expr ',' STRING                  { $$ = N(ASSERT, 2, $2, $4); }
;
body:
  '=' expr                                  { $$ = $2; }
| '{' locals "return" expr '}'              { $$ = N(BLOCK, 2, $2, $4); }
| '{' locals "return" expr error '}'        { $$ = BAD; }
| '{' locals '}'                            {
	if (!$2->num)
		syntax_error(p, @3, "a block ends with return e");
	$$ = BAD; }
;
locals:
  %empty                                    { $$ = N(LIST, 0); }
| locals local                              { $$ = ADD($1, $2); }
| locals error                              { $$ = $1; $$->num = 1; }
;
params:
  %empty                                    { $$ = N(LIST, 0); }
| param_list comma
;
param_list:
  param                                     { $$ = N(LIST, 1, $1); }
| param_list ',' param                      { $$ = ADD($1, $3); }
;
param:
  NAME annotation default                   { $$ = N(PARAM, 3, $1, $2, $3); }
| "const" NAME annotation default           { $$ = N(CPARAM, 3, $2, $3, $4); }
;
default:
  %empty                                    { $$ = NULL; }
| '=' expr                                  { $$ = $2; }
;
annotation:
  %empty                                    { $$ = NULL; }
| ':' type                                  { $$ = $2; }
;
result:
  %empty                                    { $$ = NULL; }
| "->" type                                 { $$ = $2; }
;

settings:
  %empty                                    { $$ = N(LIST, 0); }
| settings setting                          { $$ = ADD($1, $2); }
;
setting:
  NAME values                               { $$ = N(SET, 2, $1, $2); }
| NAME record_type                          { $$ = N(SET, 2, $1, $2); }
;
values:
  sum                                       { $$ = N(LIST, 1, $1); }
| values ',' sum                            { $$ = ADD($1, $3); }
;

expectation:
  expr                                      { $$ = N(EMITS, 1, $1); }
| expr "..."                                { $$ = N(BEGINS, 1, $1); }
| labels
;
labels:
  NAME '=' expr                             { $$ = N(LABELS, 1, N(LABEL, 2, $1, $3)); }
| labels ',' NAME '=' expr                  { $$ = ADD($1, N(LABEL, 2, $3, $5)); }
;
cases:
  %empty                                    { $$ = NULL; }
| clauses
;

/* A statement's first word ends the recovery from what was wrong before it, so
 * that the next mistake is reported however near it is. */
k_use: "use" { yyerrok; };
k_model: "model" { yyerrok; };
k_enum: "enum" { yyerrok; };
k_type: "type" { yyerrok; };
k_emit: "emit" { yyerrok; };
k_output: "output" { yyerrok; };
k_input: "input" { yyerrok; };
k_test: "test" { yyerrok; };
k_let: "let" { yyerrok; };
k_const: "const" { yyerrok; };
k_fn: "fn" { yyerrok; };
k_assert: "assert" { yyerrok; };
k_param: "param" { yyerrok; };
k_loss: "loss" { yyerrok; };

/* ---- types ---- */

type:
  NAME                                      { $$ = N(TNAME, 1, $1); }
| NAME '.' NAME                             { $$ = N(TNAME, 2, $1, $3); }
| NAME '?'                                  { $$ = N(TMAYBE, 1, $1); }
| NAME span                                 { $$ = N(TRANGE, 2, $1, $2); }
| '[' sum ']' type                          { $$ = N(TARRAY, 2, $2, $4); }
| record_type
;
record_type:
  '{' fields comma '}'                      { $$ = $2; }
;
fields:
  NAME ':' type                             { $$ = N(TRECORD, 2, $1, $3); }
| fields ',' NAME ':' type                  { $$ = ADD(ADD($1, $3), $5); }
;
names:
  NAME                                      { $$ = N(LIST, 1, $1); }
| names ',' NAME                            { $$ = ADD($1, $3); }
;
comma:
  %empty                                    { $$ = NULL; }
| ','                                       { $$ = NULL; }
;

/* ---- expressions. What begins with a word and is not closed by a bracket
 *      stands at the top only: as an operand it needs parentheses. ---- */

expr:
  disjunction
| "if" expr "then" expr "else" expr         { $$ = N(IF, 3, $2, $4, $6); }
| NAME NAME over "where" expr               { $$ = N(PICK, 5, $1, $2, $3, NULL, $5); }
| NAME NAME over "by" disjunction where     { $$ = N(PICK, 5, $1, $2, $3, $5, $6); }
| '{' bindings comma '}'                    { $$ = $2; }
| '{' disjunction "with" bindings comma '}' { $$ = N(WITH, 2, $2, $4); }
;
over:
  %empty                                    { $$ = NULL; }
| "in" source                               { $$ = $2; }
;
bindings:
  NAME ':' expr                             { $$ = N(RECORD, 2, $1, $3); }
| bindings ',' NAME ':' expr                { $$ = ADD(ADD($1, $3), $5); }
;
disjunction:
  conjunction
| disjunction "or" conjunction              { $$ = N(OR, 2, $1, $3); }
;
conjunction:
  negation
| conjunction "and" negation                { $$ = N(AND, 2, $1, $3); }
;
negation:
  comparison
| "not" negation                            { $$ = N(NOT, 1, $2); }
;
comparison:
  sum
| chain
| sum "in" source                           { $$ = N(IN, 2, $1, $3); }
| sum "not" "in" source                     { $$ = N(NOT, 1, N(IN, 2, $1, $4)); }
;
chain:
  sum relation sum                          { $$ = N(CMP, 3, $1, $2, $3); }
| chain relation sum                        { $$ = ADD(ADD($1, $2), $3); }
;
relation:
  "=="  
| "!="  
| '<'   
| "<="  
| '>'   
| ">="  
;
source:
  sum
| span
;
span:
  sum ".." sum                              { $$ = N(TO, 2, $1, $3); }
| sum "..<" sum                             { $$ = N(UPTO, 2, $1, $3); }
;
sum:
  product
| sum '+' product                           { $$ = N(ADD, 2, $1, $3); }
| sum '-' product                           { $$ = N(SUB, 2, $1, $3); }
;
product:
  factor
| product '*' factor                        { $$ = N(MUL, 2, $1, $3); }
| product '/' factor                        { $$ = N(DIV, 2, $1, $3); }
| product "//" factor                       { $$ = N(FLOOR, 2, $1, $3); }
| product '%' factor                        { $$ = N(MOD, 2, $1, $3); }
;
factor:
  power
| '-' factor                                { $$ = N(NEG, 1, $2); }
;
power:
  postfix
| postfix "**" factor                       { $$ = N(POW, 2, $1, $3); }
;
postfix:
  primary
| postfix '.' NAME                          { $$ = N(FIELD, 2, $1, $3); }
| postfix '(' args ')'                      { $$ = N(CALL, 2, $1, $3); }
| postfix '[' expr ']'                      { $$ = N(READ, 3, $1, $3, NULL); }
| postfix '[' expr "else" expr ']'          { $$ = N(READ, 3, $1, $3, $5); }
| postfix '[' span ']'                      { $$ = N(SLICE, 2, $1, $3); }
;
primary:
  NAME
| INT
| REAL
| TOKEN
| STRING
| TRUE
| FALSE
| '(' expr ')'                              { $$ = $2; }
| '[' ']'                                   { $$ = N(ARRAY, 0); }
| '[' elements comma ']'                    { $$ = $2; }
| '[' expr clauses ']'                      { $$ = N(BUILD, 2, $2, $3); }
| "match" subject '{' arms comma '}'        { $$ = N(MATCH, 2, $2, $4); }
;
elements:
  element                                   { $$ = N(ARRAY, 1, $1); }
| elements ',' element                      { $$ = ADD($1, $3); }
;
element:
  expr
| "..."                                     { $$ = N(DOTS, 0); }
;
args:
  %empty                                    { $$ = N(LIST, 0); }
| arg_list comma
| expr clauses                              { $$ = N(OVER, 3, $1, $2, NULL); }
| expr clauses "else" expr                  { $$ = N(OVER, 3, $1, $2, $4); }
;
arg_list:
  arg                                       { $$ = N(LIST, 1, $1); }
| arg_list ',' arg                          { $$ = ADD($1, $3); }
;
arg:
  expr
| NAME ':' expr                             { $$ = N(NAMED, 2, $1, $3); }
;
clauses:
  clause                                    { $$ = N(LIST, 1, $1); }
| clauses clause                            { $$ = ADD($1, $2); }
;
clause:
  "for" NAME over where                     { $$ = N(FOR, 3, $2, $3, $4); }
;
where:
  %empty                                    { $$ = NULL; }
| "where" expr                              { $$ = $2; }
;

subject:
  disjunction                               { $$ = N(LIST, 1, $1); }
| '(' expr ',' subjects ')'                 { $$ = ast_join(p, N(LIST, 1, $2), $4); }
;
subjects:
  expr                                      { $$ = N(LIST, 1, $1); }
| subjects ',' expr                         { $$ = ADD($1, $3); }
;
arms:
  arm                                       { $$ = N(LIST, 1, $1); }
| arms ',' arm                              { $$ = ADD($1, $3); }
;
arm:
  patterns "=>" expr                        { $$ = N(ARM, 2, $1, $3); }
| "else" "=>" expr                          { $$ = N(ARM, 2, NULL, $3); }
;
patterns:
  pattern                                   { $$ = N(LIST, 1, $1); }
| patterns '|' pattern                      { $$ = ADD($1, $3); }
;
pattern:
  value
| value ".." value                          { $$ = N(TO, 2, $1, $3); }
| value "..<" value                         { $$ = N(UPTO, 2, $1, $3); }
| '(' tuple ')'                             { $$ = $2; }
;
tuple:
  patterns                                  { $$ = N(TUPLE, 1, $1); }
| tuple ',' patterns                        { $$ = ADD($1, $3); }
;
value:
  NAME
| NAME '.' NAME                             { $$ = N(FIELD, 2, $1, $3); }
| INT
| '-' INT                                   { $$ = N(NEG, 1, $2); }
| TOKEN
| TRUE
| FALSE
;
%%

static int
is_statement_word(yysymbol_kind_t kind)
{
	static const int words[] = {
		TOK_USE, TOK_MODEL, TOK_ENUM, TOK_TYPE, TOK_CONST, TOK_LET, TOK_FN,
		TOK_RETURN, TOK_EMIT, TOK_OUTPUT, TOK_INPUT, TOK_PARAM, TOK_LOSS, TOK_ASSERT,
		TOK_TEST,
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (kind == YYTRANSLATE(words[i]))
			return 1;
	return 0;
}

#undef twlex
int twlex(TWSTYPE *, TWLTYPE *, void *);

static int
next_token(TWSTYPE *value, TWLTYPE *span, void *scanner, Parser *p)
{
	p->before = p->last;
	p->last = p->this;
	*value = NULL;
	int tok = twlex(value, span, scanner);
	p->this = *span;
	return tok;
}

static const char *
source_word(Parser *p, Span s)
{
	return intern(p->arena, p->src->text + s.lo, s.hi - s.lo);
}

static int
yyreport_syntax_error(const yypcontext_t *ctx, void *scanner, Parser *p)
{
	yysymbol_kind_t want[YYNTOKENS], got = yypcontext_token(ctx);
	const char *names[YYNTOKENS];
	int n = yypcontext_expected_tokens(ctx, want, YYNTOKENS);
	Span at = *yypcontext_location(ctx);

	(void)scanner;
	for (int i = 0; i < n; i++)
		names[i] = yysymbol_name(want[i]);
	report_syntax(p, &(SyntaxFault){ .got = yysymbol_name(got), .ends = got == YYSYMBOL_YYEOF,
		.n = n, .want = names, .is_statement = is_statement_word(got), .at = at,
		.last = p->last, .word = source_word(p, at),
		.last_word = source_word(p, p->last), .before_word = source_word(p, p->before),
		.rest = p->src->text + at.hi });
	return 0;
}

/* With custom syntax errors the one thing left to report is a full stack. */
static void
twerror(Span *at, void *scanner, Parser *p, const char *msg)
{
	(void)scanner, (void)msg;
	syntax_error(p, *at, "this nests too deeply");
}
