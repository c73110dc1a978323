/* Documents out of a record. One parser a thread, reused over records and inputs. */
#ifndef GP_IO_PARSER_H
#define GP_IO_PARSER_H

#include "io/source.h"

typedef struct gp_parser gp_parser;

gp_status gp_parser_new(gp_parser **parser, gp_error *reason);
void gp_parser_free(gp_parser *parser);

/* Parses and validates a record whole, so that a bad one is refused before any of its
 * documents is used. `options` are those of the record's source (gp_reader_options_check());
 * the record's bytes have to stay until the last document was used. After a failure there
 * are no documents, and the parser can be started again. GP_ERR_FORMAT concerns this record
 * alone; messages are reasons without a place. */
gp_status gp_parser_start(gp_parser *parser, const gp_reader_options *options,
                          const gp_record *record, gp_error *reason);

/* The next document of the record, or *more = false. All documents of a record are valid
 * until the next call of gp_parser_start(); a record may have none (a chat without a message
 * of the role). */
gp_status gp_parser_next(gp_parser *parser, gp_document *document, bool *more, gp_error *reason);

#endif
