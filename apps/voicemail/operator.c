/* 0: the caller is sent on to somebody who can help. What he has said until then is kept. */
#include "apps/voicemail/voicemail.h"

const char *operator_number(const struct voicemail *vm)
{
    return *vm->box.operator_number ? vm->box.operator_number : link_settings(vm->link)->operator_number;
}

/* As if he had dialled it himself: nobody gets a call that he could not have made. */
void operator_call(struct voicemail *vm)
{
    screen_ended(vm);
    fax_forget(vm);
    vm->away = true;
    link_retarget(vm->link, operator_number(vm), 0);
}

bool operator_failed(struct voicemail *vm)
{
    if (!vm->away || !link_waits(vm->link))
        return false;
    vm->away = false;
    voicemail_tell(vm, "vm-nobodyavail", voicemail_goodbye);
    return true;
}
