/* Unicode normalisation forms [UAX #15], with a map back to the text. */
#ifndef GP_TEXT_FORMS_H
#define GP_TEXT_FORMS_H

#include "text/normalizer.h"

typedef struct gp_forms_work gp_forms_work;
void gp_forms_work_free(gp_forms_work *work);

/* Appends the normalised text to `out`; *kept is made when it is NULL. Time is
 * O(n log n) for any text. */
gp_status gp_forms_run(gp_form form, gp_forms_work **kept, const gp_text *text,
                       gp_text_buffer *out, gp_error *error);

#endif
