/*
 * llama.cpp's names for the ways in which models cut text before merging bytes. A name stands
 * for the "pre_tokenizer" of the models that the converter gives it to, and so do the patterns
 * here: where llama.cpp only approximates one (capitals beyond ASCII for tekken and gpt-4o,
 * numbers in deepseek-llm), the model's own is taken, since that is what the model was trained
 * with. Names are left out whose models do more than cut (chameleon, kimi-k2, afmoe), whose
 * patterns take quadratic time (superbpe, tiny_aya, cohere2moe), and embedding models.
 */
#include "text/gguf_pre.h"

#include <string.h>

#define DIGIT "\\p{N}"

/* GPT-2's, and a relative that cuts at punctuation only. */
#define BLOOM " ?[^(\\s|.,!?\\x{2026}\\x{3002}\\x{FF0C}\\x{3001}\\x{964}\\x{6D4}\\x{60C})]+"

#define FALCON_PUNCTUATION "[\\p{P}$+<=>^~|`]+"

/* The family of Llama 3 and Qwen 2. */
#define LLAMA3                                                                                   \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"                      \
  " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

#define QWEN2                                                                                    \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"                           \
  " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

#define QWEN35                                                                                   \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}|"                   \
  " ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

#define JAIS2                                                                                    \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"                      \
  " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|"                \
  "\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|"    \
  "\\s{1,2}(?!\\S)|\\s{1}"

#define MINICPM5                                                                                 \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}+|"                          \
  " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

#define UFAKZEKA                                                                                 \
  "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"           \
  "\\s+(?!\\S)|\\s+"

#define SEED_CODER                                                                               \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}|"                        \
  " ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

#define BAILING                                                                                  \
  "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}|"                                 \
  " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"

#define EXAONE_MOE                                                                               \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|"    \
  "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"

/* Those that also cut before capitals. */
#define TEKKEN                                                                                   \
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|"   \
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|"   \
  "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

#define GPT4O                                                                                    \
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+("   \
  "?i:'s|'t|'re|'ve|'m|'ll|'d)?|"                                                                \
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*("   \
  "?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|"      \
  "\\s+(?!\\S)|\\s+"

#define YOUTU                                                                                    \
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+("   \
  "?i:'s|'t|'re|'ve|'m|'ll|'d)?|"                                                                \
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*("   \
  "?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|"           \
  "\\s+(?!\\S)|\\s+"

#define YOUTU_SCRIPTS                                                                            \
  "[\\x{AC00}-\\x{D7A3}\\x{3131}-\\x{318E}]+|"                                                   \
  "[\\x{FF01}\\x{2026}\\x{201C}\\x{201D}\\x{2018}\\x{2019}\\x{2014}\\x{FF1A}\\x{FF1B}"           \
  "\\x{FF0C}\\x{3001}-\\x{303F}\\x{FE30}-\\x{FE4F}]+|[\\x{3105}-\\x{312F}]+|"                    \
  "[\\x{4E00}-\\x{9FA5}\\x{3040}-\\x{309F}\\x{30A0}-\\x{30FF}]+"

/* DeepSeek's. */
#define DEEPSEEK_LETTERS                                                                         \
  "\\s?[A-Za-z\\x{B5}\\x{C0}-\\x{D6}\\x{D8}-\\x{F6}\\x{F8}-\\x{1BA}\\x{1BC}-\\x{1BF}"            \
  "\\x{1C4}-\\x{293}\\x{295}-\\x{2AF}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37B}-\\x{37D}"         \
  "\\x{37F}\\x{386}\\x{388}-\\x{38A}\\x{38C}\\x{38E}-\\x{3A1}\\x{3A3}-\\x{3F5}"                  \
  "\\x{3F7}-\\x{481}\\x{48A}-\\x{52F}\\x{531}-\\x{556}\\x{10A0}-\\x{10C5}\\x{13A0}-\\x{13F5}"    \
  "\\x{13F8}-\\x{13FD}\\x{1C90}-\\x{1CBA}\\x{1CBD}-\\x{1CBF}\\x{1D00}-\\x{1D2B}"                 \
  "\\x{1D6B}-\\x{1D77}\\x{1D79}-\\x{1D9A}\\x{1E00}-\\x{1F15}\\x{1F18}-\\x{1F1D}"                 \
  "\\x{1F20}-\\x{1F45}\\x{1F48}-\\x{1F4D}\\x{1F50}-\\x{1F57}\\x{1F59}\\x{1F5B}\\x{1F5D}"         \
  "\\x{1F5F}-\\x{1F7D}\\x{1F80}-\\x{1FB4}\\x{1FB6}-\\x{1FBC}\\x{1FBE}\\x{1FC2}-\\x{1FC4}"        \
  "\\x{1FC6}-\\x{1FCC}\\x{1FD0}-\\x{1FD3}\\x{1FD6}-\\x{1FDB}\\x{1FE0}-\\x{1FEC}"                 \
  "\\x{1FF2}-\\x{1FF4}\\x{1FF6}-\\x{1FFC}\\x{2102}\\x{2107}\\x{210A}-\\x{2113}\\x{2115}"         \
  "\\x{2119}-\\x{211D}\\x{2124}\\x{2126}\\x{2128}\\x{212A}-\\x{212D}\\x{212F}-\\x{2134}"         \
  "\\x{2139}\\x{213C}-\\x{213F}\\x{2145}-\\x{2149}\\x{214E}\\x{2183}\\x{2184}"                   \
  "\\x{2C00}-\\x{2C7B}\\x{2C7E}-\\x{2CE4}\\x{2CEB}-\\x{2CEE}\\x{2CF2}\\x{2CF3}"                  \
  "\\x{A640}-\\x{A66D}\\x{A680}-\\x{A69B}\\x{A722}-\\x{A76F}\\x{A771}-\\x{A787}"                 \
  "\\x{A78B}-\\x{A78E}\\x{AB70}-\\x{ABBF}\\x{FB00}-\\x{FB06}\\x{FB13}-\\x{FB17}"                 \
  "\\x{FF21}-\\x{FF3A}\\x{FF41}-\\x{FF5A}\\x{10400}-\\x{1044F}\\x{104B0}-\\x{104D3}"             \
  "\\x{104D8}-\\x{104FB}\\x{10C80}-\\x{10CB2}\\x{10CC0}-\\x{10CF2}\\x{118A0}-\\x{118DF}"         \
  "\\x{1E900}-\\x{1E943}]+"

#define DEEPSEEK_PUNCTUATION                                                                     \
  "\\s?[!-/:-~\\x{FF01}-\\x{FF0F}\\x{FF1A}-\\x{FF5E}\\x{2018}-\\x{201F}\\x{3001}\\x{3002}]+"

/* From U+0800 without the white space in between, which llama.cpp hides from ranges. */
#define HAN_HANGUL                                                                               \
  "[\\x{800}-\\x{167F}\\x{1681}-\\x{1FFF}\\x{200B}-\\x{2027}\\x{202A}-\\x{202E}"                 \
  "\\x{2030}-\\x{205E}\\x{2060}-\\x{2FFF}\\x{3001}-\\x{9FA5}\\x{AC00}-\\x{D7FF}]+"

#define HAN_KANA "[\\x{4E00}-\\x{9FA5}\\x{3040}-\\x{309F}\\x{30A0}-\\x{30FF}]+"

#define DEEPSEEK3                                                                                \
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"                                       \
  "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|"        \
  "\\s+(?!\\S)|\\s+"

#define SPARK                                                                                    \
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"                                       \
  "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+|[\\r\\n]|\\s+(?!\\S)|\\s+"

/* "\\s+$", which would look at the end again from each blank of a long run. Line ends are cut off
 * before it is used. */
#define LAST_BLANKS "(?<!\\s)\\s+$"

/* By name, for people; searched one by one, once for a file. */
static const gp_gguf_pre known[] = {
    {"a.x-4.0", false, {GP_GPT2_REGEX}},
    {"bailingmoe", false, {BAILING}},
    {"bailingmoe2", false, {BAILING}},
    {"bloom", false, {BLOOM}},
    {"chatglm-bpe", false, {LLAMA3}},
    {"codeshell", false, {DIGIT, GP_GPT2_REGEX}},
    {"command-r", false, {DIGIT, GP_GPT2_REGEX}},
    {"dbrx", false, {LLAMA3}},
    // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): the macro is one literal in two lines
    {"deepseek-coder", false, {"[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", HAN_HANGUL, DIGIT}},
    {"deepseek-llm",
     false,
     {"[\\r\\n]", DEEPSEEK_LETTERS, DEEPSEEK_PUNCTUATION, LAST_BLANKS, HAN_HANGUL, DIGIT}},
    {"deepseek-r1-qwen", false, {QWEN2}},
    {"deepseek-v3", false, {"\\p{N}{1,3}", HAN_KANA, DEEPSEEK3}},
    {"exaone", false, {DIGIT, GP_GPT2_REGEX}},
    {"exaone-moe", false, {EXAONE_MOE}},
    {"exaone4", false, {GP_GPT2_REGEX}},
    {"falcon", false, {FALCON_PUNCTUATION, GP_GPT2_REGEX, "[0-9][0-9][0-9]"}},
    {"falcon-h1", true, {LLAMA3}},
    {"falcon3", true, {LLAMA3}},
    {"gigachat", false, {GP_GPT2_REGEX}},
    {"glm4", true, {LLAMA3}},
    {"glm5", true, {LLAMA3}},
    {"gpt-2", false, {GP_GPT2_REGEX}},
    {"gpt-4o", false, {GPT4O}},
    {"gpt3-finnish", false, {BLOOM}},
    {"granite-docling", false, {GP_GPT2_REGEX}},
    {"grok-2", false, {QWEN2}},
    {"hunyuan", false, {QWEN2}},
    {"hunyuan-dense", false, {"\\p{N}{1,3}", HAN_KANA, DEEPSEEK3}},
    {"hy_v4", false, {"\\p{N}{1,3}", HAN_KANA, DEEPSEEK3}},
    {"jais", false, {GP_GPT2_REGEX}},
    {"jais-2", false, {JAIS2}},
    {"joyai-llm", false, {"\\p{N}{1,3}", HAN_KANA, DEEPSEEK3}},
    {"kanana2", false, {GPT4O}},
    {"kormo", false, {QWEN2}},
    {"laguna", false, {"[^\\n]+|[\\n]+", QWEN2}},
    {"lfm2", true, {LLAMA3}},
    {"llada-moe", false, {BAILING}},
    {"llama-bpe", true, {LLAMA3}},
    {"llama-v3", true, {LLAMA3}},
    {"llama3", true, {LLAMA3}},
    {"llama4", false, {GPT4O}},
    {"megrez", false, {QWEN2}},
    {"mellum", false, {GP_GPT2_REGEX}},
    {"mellum2", false, {DIGIT, GP_GPT2_REGEX}},
    {"midm-2.0", true, {LLAMA3}},
    {"minerva-7b", false, {DIGIT, GP_GPT2_REGEX}},
    {"minicpm5", true, {"\\p{N}{1,3}", MINICPM5}},
    {"minimax-m2", false, {GPT4O}},
    {"mpt", false, {GP_GPT2_REGEX}},
    {"olmo", false, {GP_GPT2_REGEX}},
    {"phi-2", false, {GP_GPT2_REGEX}},
    {"pixtral", true, {LLAMA3}},
    {"poro-chat", false, {BLOOM}},
    {"qwen2", false, {QWEN2}},
    {"qwen35", false, {QWEN35}},
    {"refact", false, {DIGIT, GP_GPT2_REGEX}},
    {"seed-coder", false, {SEED_CODER}},
    {"smaug-bpe", false, {LLAMA3}},
    {"smollm", false, {DIGIT, GP_GPT2_REGEX}},
    {"solar-open", false, {QWEN2}},
    {"spark2_5", false, {"\\p{N}{1,3}", HAN_KANA, SPARK, DIGIT}},
    {"stablelm2", false, {QWEN2}},
    {"starcoder", false, {DIGIT, GP_GPT2_REGEX}},
    {"talkie", false, {GPT4O}},
    {"tekken", true, {TEKKEN}},
    {"trillion", false, {GP_GPT2_REGEX}},
    {"ufakzeka", false, {UFAKZEKA}},
    {"viking", false, {BLOOM, DIGIT}},
    {"youtu", true, {YOUTU_SCRIPTS, YOUTU}},
};

const gp_gguf_pre *gp_gguf_pre_find(const char *name, size_t length) {
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (strlen(known[i].name) == length && memcmp(known[i].name, name, length) == 0) {
      return &known[i];
    }
  }
  return NULL;
}

gp_status gp_gguf_pre_add(const gp_gguf_pre *pre, gp_pretokenizer *pretokenizer,
                          gp_error *reason) {
  for (size_t i = 0; i < GP_GGUF_PRE_STEPS_MAX && pre->patterns[i] != NULL; i++) {
    gp_pattern *pattern = NULL;
    gp_status status =
        gp_pattern_new_regex(pre->patterns[i], strlen(pre->patterns[i]), &pattern, reason);
    if (status == GP_OK) {
      status = gp_pretokenizer_add_split(pretokenizer, pattern, GP_SPLIT_ISOLATED, false, reason);
    }
    if (status != GP_OK) {
      return status;
    }
  }
  return GP_OK;
}
