# The words of the command, in English. One key a sentence; same keys and same variables as in French.

## Layout

pair = { $name }: { $value }
warning = Warning: { $text }
failure = Failed: { $text }
confirm = { $question } [y/n]
confirm-yes-words = y yes o oui
ask-passphrase = Passphrase:
ask-new-passphrase = New passphrase:
ask-new-passphrase-again = Once more:
output-failed = The output could not be written: { $reason }.

## What the commands say

vault-busy-waiting = Another command is using the vault; waiting…
ask-remove-device = Remove the device "{ $name }"? It will receive nothing more; what it has read it keeps.
ask-kit-group = Type the four words of group { $group }, read from the sheet:
kit-words = Here are the 24 words of the recovery kit. Copy them on paper: they will never be shown again.
list-empty = Nothing.
saved = Saved: { $name } ({ $id }).
nothing-removed = Nothing was removed: there was nothing, or nothing any more.
state-name = { $state ->
        [DONE] done
        [NOT_DONE] not done
        [NOT_SPECIFIED] not specified
        [TO_PLAN] to be planned
        [active] current
        [administration] given
        [arrived] arrived
        [booked] booked
        [busy] taken
        [cancelled] cancelled
        [checked-in] checked in
        [completed] completed
        [current] in force
        [dispensation] handed over
        [draft] draft
        [entered-in-error] entered in error
        [free] free slot
        [fulfilled] took place
        [inactive] inactive
        [noshow] missed
        [not-done] not done
        [on-hold] on hold
        [pending] waiting for an answer
        [prescription] prescription
        [proposed] proposed
        [recurrence] came back
        [reimbursement] reimbursement
        [relapse] relapse
        [remission] in remission
        [removed] removed
        [resolved] over
        [statement] said by the person
        [stopped] stopped
        [superseded] replaced
        [unknown] unknown
       *[other] { $state }
    }
moment-name = { $moment ->
        [after-effort] after an effort
        [after-meal] after a meal
        [before-meal] before a meal
        [fasting] fasting
        [malaise] when unwell
       *[other] { $moment }
    }
removed = { $count ->
        [one] One entry removed.
       *[other] { $count } entries removed.
    } "edit ID --restore" brings it back.
field-word = { $name ->
        [absent_reason] Why it is absent
        [active] Active
        [actor] Actor
        [acts] Acts and treatments
        [added] Added
        [address] Address
        [addresses] Addresses
        [administration] Place in the series
        [alcohol_binge] Six glasses or more on one occasion
        [alcohol_days] Days with alcohol a week
        [alcohol_glasses] Glasses of alcohol a week
        [already_there] Already there
        [answer] Answer
        [application] Application
        [applies_to] Applies to
        [as_needed] As needed
        [as_needed_for] As needed for
        [at] Date
        [attachment] Attached content
        [author] Author
        [authors] Authors
        [birth_date] Date of birth
        [birth_place] Place of birth
        [birth_place_insee] Place of birth (INSEE code)
        [body_site] Place on the body
        [body_sites] Places on the body
        [by] By
        [care_end] End of the care
        [care_start] Beginning of the care
        [categories] Categories
        [category] Category
        [cigarettes] Cigarettes a day
        [city] City
        [class] Class
        [clinical] Clinical state
        [code] Code
        [codings] Codes
        [comparator] Comparison
        [components] Parts
        [conclusion] Conclusion
        [conclusion_codes] Codes of the conclusion
        [confidentiality] Confidentiality
        [context] Circumstances
        [count] Count
        [country] Country
        [counts] Counts
        [created_at] Created
        [criticality] Possible harm
        [custodian] Kept by
        [date] Date
        [days] Days
        [deceased] Death
        [denominator] Denominator
        [description] Description
        [determined_at] Determined
        [device] Device
        [devices] Devices
        [discharge] Discharge
        [display] In words
        [dispute] Dispute
        [document_type] Type of document
        [dosage] Dosage
        [dosage_lines] Lines of the dosage
        [dose] Dose
        [dose_high] Highest dose
        [dose_number] Number of the dose
        [doses_in_series] Doses in the series
        [duration] Length
        [duration_unit] Unit of the length
        [end] End
        [establishment] Establishment
        [events] Acts it is about
        [exercise] Regular physical activity
        [exercise_days] Days with 30 minutes of activity or more
        [expires] Expires
        [facility] Kind of establishment
        [family] Family name
        [fat] Fat food
        [file_name] Name of the file
        [folder] Folder
        [form] Form
        [format] Format
        [frequency] Frequency
        [fruit] Fruit and vegetables
        [given] Given names
        [group] Group
        [high] At most
        [home_zones] Time zones of the home
        [human_help] Help by a person
        [identifiers] Identifiers
        [importer] Imported by
        [informed] Informed about organ donation
        [ingredients] Ingredients
        [insee] INSEE code
        [instruction] Instruction
        [instructions] Instructions
        [intent] Intent
        [interpretation] Interpretation
        [issued_at] Issued
        [language] Language
        [languages] Languages
        [last_occurrence] Last time
        [life_support] Being kept alive artificially
        [lines] Lines
        [lot] Batch
        [low] At least
        [mandatory] Mandatory
        [manifestations] Signs
        [manufacturer] Manufacturer
        [maximum] Maximum
        [meaning] Meaning
        [measure] Measure
        [mechanism] Mechanism
        [media_type] Type of content
        [members] Members
        [merged] Merged
        [method] Method
        [minutes] Minutes
        [missing_members] Absent members
        [moment] Moment
        [moments] Moments
        [name] Name
        [names] Names
        [not_given_reason] Why it was not given
        [numerator] Numerator
        [of] Of
        [onset] Beginning
        [onset_text] Beginning, in words
        [organisation] Organisation
        [outcome] Outcome
        [pages] Pages
        [panel] Set of results
        [partial] Incomplete
        [participants] Participants
        [pathologies] Diseases aimed at
        [performer] Done by
        [performers] Done by
        [period] Period
        [period_unit] Unit of the period
        [picture] Picture
        [pinned] Pinned
        [place] Place
        [postal_code] Postal code
        [prefix] Prefix
        [professions] Professions
        [quantity] Quantity
        [range] Range
        [rate] Rate
        [reactions] Reactions
        [read] Read
        [read_only] Read-only
        [reason] Reason
        [reasons] Reasons
        [recurrence] Recurrence
        [reference] Reference range
        [refused] Refused
        [region] Region
        [relation] Relation
        [relation_codes] Codes of the relation
        [relationship] Kinship
        [relative] Relative
        [repeats] Repeats
        [replaces] Replaces
        [role] Role
        [route] Route
        [salt] Care about salt
        [screens] Screens before sleeping
        [sedation] Sedation
        [sequence] Sequence
        [serial] Serial number
        [service] Service
        [set_aside] Set aside
        [set_id] Identifier of all versions
        [setting] Practice setting
        [severity] Severity
        [sex] Sex
        [sha256] SHA-256
        [since] Since
        [site] Site
        [sitting] More than two hours sitting
        [situation] Situation
        [size] Size
        [sleep] Sleep
        [smoking] Tobacco
        [smoking_stopped] Stopped smoking
        [requirement] Requirement
        [sort] Sort
        [source] Source
        [specialities] Specialities
        [speciality] Speciality
        [specific_machine] Particular acts – being connected to an apparatus
        [specific_other] Particular acts – others
        [specific_resuscitation] Particular acts – resuscitation of the heart
        [specific_surgery] Particular acts – surgery
        [specimen] Specimen
        [start] Beginning
        [started_machine] Acts begun – being connected to an apparatus
        [started_other] Acts begun – others
        [started_resuscitation] Acts begun – resuscitation of the heart
        [started_surgery] Acts begun – surgery
        [state] State
        [stated_at] Stated
        [stopped_machine] Acts stopped – being connected to an apparatus
        [stopped_other] Acts stopped – others
        [stopped_resuscitation] Acts stopped – resuscitation of the heart
        [stopped_surgery] Acts stopped – surgery
        [street] Street
        [substance] Substance
        [suffix] Suffix
        [sugar] Sweet food and drinks
        [system] Code system
        [tags] Tags
        [technical_help] Technical help
        [telecoms] Telephones and mail addresses
        [text] Text
        [times] Times
        [title] Title
        [type] Type
        [types] Types
        [uid] Identifier of the calendar
        [unique_id] Unique identifier
        [unit] Unit
        [unit_text] Unit, in words
        [until] Until
        [use] Use
        [used_as] Use
        [validated_by_professional] Validated by a professional
        [value] Value
        [vaping] Electronic cigarette
        [verification] Certainty
        [version] Version
        [warnings] Remarks
        [when_text] Date, in words
        [wish] Wish
        [zones] Time zones
       *[other] { $name }
    }
field-of = { $outer } › { $inner }
label = { $text }
kind-name = { $kind ->
        [absence] Stated absence
        [activity] Activity
        [activity-summary] Totals of the day
        [allergy] Allergy
        [answer] Answer
        [appointment] Appointment
        [attachment] Attachment
        [blood-group] Blood group
        [contact] Contact
        [directive] Advance directives
        [disability] Disability
        [disease] Disease
        [document] Document
        [donation] Organ donation
        [encounter] Stay or visit
        [family-history] Family history
        [file] File
        [heart-beat] Heart beats
        [identity] Identity
        [import-report] Import report
        [lifestyle] Lifestyle
        [measure] Measure
        [metadata] Details
        [person] Person
        [prevention] Exam of prevention
        [procedure] Procedure
        [record] Row
        [reminder] Reminder
        [result] Result
        [route] Route
        [route-point] Point of a route
        [sleep-stage] Sleep stage
        [source] Source
        [target] Target
        [treatment] Treatment
        [vaccination] Vaccination
        [zone] Time zone
       *[other] { $kind }
    }
reminder-every = { $unit ->
        [DAY] { $count ->
            [one] every day
           *[other] every { $count } days
        }
        [MONTH] { $count ->
            [one] every month
           *[other] every { $count } months
        }
        [WEEK] { $count ->
            [one] every week
           *[other] every { $count } weeks
        }
        [YEAR] { $count ->
            [one] every year
           *[other] every { $count } years
        }
       *[other] { $count } { $unit }
    }{ $times ->
        [none] {""}
       *[other] , also at { $times }
    }{ $until ->
        [none] {""}
       *[other] , until { $until }
    }
calendar-unit = { $unit ->
        [DAY] days
        [MONTH] months
        [WEEK] weeks
        [YEAR] years
       *[other] { $unit }
    }
agenda-nothing-next = Nothing is planned.

# What published rules recommend

ask-rules-publisher = Follow these rules, and from now on take newer ones signed by the same key without asking? Compare its fingerprint first with the one that the publisher gives.
rules-head = { $title } ({ $country }).
rules-dates = Rules of { $date }, to be reviewed from { $review } on.
rules-bundled = They come with Carnet.
rules-publisher = Signed by the key { $key }.
rules-sources = Sources ({ $count }):
rules-source = - { $title }, { $publisher }, { $date }. { $address }
rules-left-out = What they leave out:
due-head = { $title }. Rules of { $rules }, for { $today }.
due-stale = These rules are old: newer ones are most likely published.
due-foot = Carnet repeats what is published and knows only what is noted here. This is no medical advice: ask your doctor or pharmacist. Details: carnet agenda due CODE. To see everything: --all.
due-nothing = Nothing to tell: nothing is expected within twelve months.
due-group = { $head } ({ $count })
due-item = - { $name }
due-title-step = { $title }, { $step }
due-title-dose = { $title }, dose { $number } of { $of }
due-condition = Only { $condition }.
due-from = From { $from } on.
due-until = Until { $to }.
due-since = Planned since { $from }, not noted as done.
due-was = Planned from { $from } to { $to }, not noted as done.
due-done = Done on { $day }.
due-before = The time before: { $day }.
due-mark = You noted: { $said }{ $day ->
        [none] {""}
       *[other] , { $day }
    }.
due-booklet = To note it among the vaccinations as well, put the name of the vaccine:
due-booklet-command = carnet profile add vaccine --name "…" --at { $day }
due-lacking = Still missing: { $names }.
due-counted = Counted: { $name }, { $day }.
due-need = { $need ->
    [OBLIGATOIRE] mandatory
    [mandatory] mandatory
   *[other] recommended
}
due-rule = Rule { $code } ({ $need }), { $source }.
due-rule-full = Rule { $code } ({ $need }): { $title }, { $publisher }, { $date }. { $address }
due-if = Only in some situations
due-state-overdue = Late, by what is noted
due-state-due = To be done now
due-state-upcoming = To come
due-state-done = Noted as done
due-state-past = The age for it is over
due-state-unknown = Cannot be told
due-missing-birth = The birth date is missing: nothing can be told. Add it with carnet profile add identity --birth DATE, or profile edit.
due-missing-day-done = The exact day of a vaccination or an exam is missing: it changes the answer.
due-missing-day-of-birth = The exact day of birth is missing: it changes the answer.
due-missing-sex = The sex is missing in the identity: this rule depends on it.
due-missing-today = Today's date cannot be right: before the birth, before these rules, or too long after. Check the clock and the birth date, or give the day with --on.
due-uncounted = Vaccinations that were not counted ({ $count })
due-uncounted-item = - { $name }{ $day ->
        [none] {""}
       *[other] {" "}({ $day })
    }: { $reason }.
due-uncounted-reason = { $reason ->
    [future] the date is still to come
    [not-recognised] the rules do not know the name
    [undated] without a date
   *[other] outside the rules for this person
}
usage-due-mark-unknown = Something is missing to know what is recommended: nothing was noted.
    .hint = "agenda due CODE" says what is missing.
usage-due-code = No rule or recommendation has the code { $code } for this person.
    .hint = The codes are in carnet agenda due --all.
target-standing = { $standing ->
        [above] above
        [below] below
        [within] met
       *[other] { $standing }
    }
target-removed = The target is removed: { $kind }.
contact-relation = { $who ->
        [CHILD] child
        [FATHER] father
        [MOTHER] mother
        [OTHER] another relation
        [SPOUSE] spouse
        [TUTEUR] guardian
       *[other] { $who }
    }
contact-sort = { $sort ->
        [establishment] an establishment
        [professional] a professional
        [relative] a relative or friend
        [team] a team
       *[other] { $sort }
    }
contact-type = { $part ->
        [CAREGIVER_CONTACT] carer
        [EMERGENCY_CONTACT] to be called in an emergency
        [HELP_CONTACT] is helped by the person
        [TRUSTED_CONTACT] trusted person
       *[other] { $part }
    }
sex-name = { $sex ->
        [female] female
        [male] male
        [other] other
        [unknown] not known
       *[else] { $sex }
    }
administration-name = { $sort ->
        [BOOSTER] booster
        [IMMUNIZ] not known
        [INITIMMUNIZ] first
       *[other] { $sort }
    }
level-name = { $level ->
        [high] high
        [low] low
        [unable-to-assess] cannot be assessed
       *[other] { $level }
    }
encounter-class = { $class ->
        [AMB] consultation
        [EMER] emergency
        [HH] at home
        [IMP] hospital stay
        [VR] at a distance
       *[other] { $class }
    }
disability-type = { $about ->
        [DISABLING_DISEASES] a disease that disables
        [ENGINE] of movement
        [NEURO_DEVELOPMENTAL_DISORDER] of the development of the nervous system
        [OTHERS] another one
        [POLY_DISABILITY] several at once
        [PSYCHIC] of the mind
        [SENSORY] of the senses
       *[other] { $about }
    }
disability-rate = { $rate ->
        [BETWEEN_50_AND_79] 50 to 79 %
        [BIGGER_THAN_80_OR_EQUAL] 80 % or more
        [LESS_THAN_50] below 50 %
        [UNKNOWN] rate not known
       *[other] { $rate }
    }
relative = { $who ->
        [AUNT] aunt
        [BROTHER] brother
        [FATHER] father
        [GRANDFATHER] grandfather
        [GRANDMOTHER] grandmother
        [GREAT_GRANDFATHER] great-grandfather
        [GREAT_GRANDMOTHER] great-grandmother
        [MOTHER] mother
        [OTHER] another relative
        [SISTER] sister
        [UNCLE] uncle
       *[other] { $who }
    }
answer-name = { $code ->
        [BAD_ALL_TIMES] always bad
        [BAD_OFTEN] often bad
        [BAD_SOMETIMES] sometimes bad
        [BETWEEN_ONE_YEAR_AND_FIVE_YEARS_AGO] for one to five years
        [BOTH] both
        [END_OF_LIFE] near the end of life
        [EVERYDAY] every day
        [EVERY_DAY] every day
        [EVERY_DAY_OR_ALMOST] every day or nearly
        [FIVE_TO_SEVEN_TIMES_A_WEEK] five to seven times a week
        [GOOD] good
        [GOOD_HEALTH] in good health
        [IN_MY_SPARE_TIME] in my spare time
        [IN_MY_WORK_IN_MY_STUDIES] at work or in my studies
        [MORE_ONCE_A_MONTH] more than once a month
        [MORE_ONCE_A_WEEK] more than once a week
        [NEITHER_OF_TWO] neither of the two
        [NEVER] never
        [NO] no
        [NONE] not said
        [NOT_EVERYDAY] not every day
        [NO_BUT_I_HAVE_SMOKED_IN_THE_PAST] no, but I have smoked
        [NO_BUT_I_HAVE_VAPED_IN_THE_PAST] no, but I have vaped
        [ONE_TO_TWO_TIMES_A_WEEK] once or twice a week
        [SEVERAL_TIMES_MONTH] several times a month
        [SEVERAL_TIMES_WEEK] several times a week
        [SINCE_LESS_THAN_ONE_YEAR] for less than a year
        [SINCE_MORE_THAN_FIVE_YEARS] for more than five years
        [THREE_TO_FOUR_TIMES_A_WEEK] three or four times a week
        [YES] yes
        [YES_EVERY_DAY] yes, every day
        [YES_OCCASIONALLY] yes, now and then
       *[other] { $code }
    }
donation-register = Who refuses donation enters it in the national register of refusals: { $address }. What is written here does not stand there.
form-answer = { $question }: { $answer }.
form-answers = { $count ->
        [one] { $count } answer
       *[other] { $count } answers
    }
form-choice = { $typed } = { $word };
form-no-answer = no answer any more
form-number = a number from { $low } to { $high }
form-words = your words
absence-name = { $kind ->
        [ALLERGIES] Allergies
        [DEVICES] Implants and devices
        [DISABILITIES] Disabilities
        [DISEASES] Diseases
        [FAMILY_HISTORIES] Family history
        [HOSPITALIZATIONS] Hospital stays
        [PROCEDURES] Procedures
        [RESULTS] Results
        [TREATMENTS] Treatments
        [VACCINATIONS] Vaccinations
       *[other] { $kind }
    }: { $meaning ->
        [none-known] none known
        [not-concerned] not concerned
        [not-done] not done
        [unavailable] not said
       *[other] { $meaning }
    }
section-name = { $section ->
        [access] access log
        [agenda] agenda
        [contacts] contacts
        [documents] documents
        [history] history
        [identity] identity
        [measures] measures
        [messages] messages
        [results] results
        [roster] devices
        [treatments] treatments
        [vaccines] vaccines
        [wishes] wishes
       *[other] { $section }
    }
origin-name = { $origin ->
        [application] deposited by an application
        [device] measured by a device
        [import] read from a file
        [national-service] from Mon espace santé
        [typed] typed
       *[other] { $origin }
    }
origin-of = { $origin } ({ $names })
measure-column = { $name ->
        [count] Count
        [day] Day
        [device] Device
        [application] Application
        [end] End
        [first] First
        [height] Height
        [kind] Kind
        [last] Last
        [max] Highest
        [min] Lowest
        [moment] Moment
        [source] Source
        [sources] Sources
        [start] Start
        [sum] Sum
        [target] Target
        [unit] Unit
        [weight] Weight
       *[other] { $name }
    }
measure-samples = { $count ->
        [one] And { $count } sample of a device: "measure list --sources" says of what.
       *[other] And { $count } samples of devices: "measure list --sources" says of what.
    }
measure-samples-of = { $count ->
        [one] And { $count } sample of a device: "measure list { $slug } --raw" gives it.
       *[other] And { $count } samples of devices: "measure list { $slug } --daily" gives their days, "--raw" each value.
    }
log-kind = { $kind ->
        [device-added] device added
        [device-removed] device removed
        [export] export
        [import] import
        [record-created] record created
        [recovered] recovery kit used
        [relay-contradicted] relay contradicted by a device
       *[other] { $kind }
    }
log-detail = { $name ->
        [alarm] contradiction: { $value }
        [added] added: { $value }
        [device] device: { $value }
        [format] format: { $value }
        [kit] recovery kit replaced
       *[other] { $name }: { $value }
    }
sentences = { $all }
link-elsewhere = not on this device
link-name = { $kind ->
        [allergy] allergy
        [derived-from] derived from
        [disease] disease
        [document] document
        [encounter] stay or visit
        [measure] measure
        [because] because of
        [folder] folder
        [has-part] has part
        [part-of] part of
        [performer] performed by
        [replaces] replaces
        [treatment] treatment
       *[other] { $kind }
    } { $id } ({ $name })
log-strength = { $strength ->
        [declared] declared
        [proved] proved
       *[other] { $strength }
    }
column-answer = Answer
column-choices = Possible answers
column-item = To type
column-question = Question
column-date = Date
column-kind = Kind
column-name = Name
column-place = Place
column-value = Value
column-id = Identifier
column-device = Device
column-section = Section
column-comment = Comment
column-origin = Origin
column-removed = Removed on
column-link = Link
column-default = Default
column-standing = State
column-relay = Relay
column-synced = Last exchange
doctor-damage = { $damage ->
        [absent] absent
        [altered] altered
        [unreadable] unreadable
       *[other] { $damage }
    }
column-damage = Content
column-record = Record
column-kit = Kit checked
column-vault = Vault
column-field = Field
column-count = Count
column-reason = Reason
yes = yes
standing-member = member
standing-removed = removed
standing-turned-away = removed, says the relay
standing-waiting = waiting
device-kit = recovery kit
device-removed = removed
device-this = this device
device-live = active
device-was-removed = "{ $name }" is removed. The keys have changed: it will open nothing new once the other devices have learned it. What it had it keeps.
no-records = This vault holds no record yet: "carnet init" makes one.
warning-removed = this device was removed from the record "{ $name }"; it keeps what it has and gets nothing more.
warning-relay-contradicted = "{ $name }": the relay and the device "{ $device }" contradict each other: { $what }. One of the two says what is not so. If that device is no longer in your hands, remove it ("carnet device remove") and synchronise: that ends this. If it is, exchange between your devices without the relay, then ask whoever runs it.
warning-turned-away = the relay of "{ $name }" no longer serves this device: another device has most likely removed it. It keeps what it has. If that was not meant, ask another device for an invitation ("carnet pair invite").
warning-silent = "{ $name }" has exchanged nothing for { $days } days: what was written elsewhere since is not shown here. Run "carnet sync".
warning-removal-not-sent = "{ $name }" is removed here, but the relay does not know it yet and still serves it. Run "carnet sync" as soon as you can, within a week.
warning-old-kit = the relay of "{ $name }" does not know the new kit yet: until "carnet sync" has reached it, the old sheet still opens the record there.
warning-waiting = this device waits to be admitted to the record "{ $name }", or for its first sync.
warning-kit = the recovery kit of "{ $name }" was not checked: "carnet recovery rehearse" does that. Without it, if you lose your devices, nobody can open this record again.
warning-kit-uncertain = the disk failed while the new recovery kit of "{ $name }" was put in force. Keep both sheets: once the disk is in order, "carnet recovery rehearse" says which one opens the record.
warning-files-left-out = { $count ->
        [one] the content of one document is not on this device, and so not in the export.
       *[other] the contents of { $count } documents are not on this device, and so not in the export.
    } "carnet sync" fetches what another device or the relay has.
warning-archive-differs = the archive was changed since it was written, or damaged: what it held was taken in, but compare it with the record that it came from.
warning-no-kit = "{ $name }" has no recovery kit. If you lose your devices, nobody can open this record again.
warning-said-absent = The record also says "{ $statement }". "carnet profile none KIND --undo" takes that statement back.
warning-not-absent = The record holds { $count ->
        [one] an entry that says
       *[other] { $count } entries that say
    } the contrary. "carnet profile none KIND --undo" takes that statement back.
warning-clear-text = this file is clear text: whoever opens it can read it.
warning-losses = this file does not hold everything; only the export "archive" gives back an equal record.
warning-other-person = the file may speak of someone else; it was taken in at your request.
warning-nobody-to-compare = this record does not say yet whom it is about: the person of the file could be compared with nothing. "carnet profile add identity" says whom it is about.
warning-person-not-said = something that was taken in does not say whom it is about: it could not be compared with the person of this record.
record-made = The record "{ $name }" is made ({ $id }). Nobody, not even the relay, can reset your access.
locked = The vault is locked.
was-locked = The vault was locked already.
unlocking-ended = The vault is no longer left open for a time.
was-not-unlocked = The vault was not left open for a time.
unlocked = { $minutes ->
        [one] The vault stays open for one minute
       *[other] The vault stays open for { $minutes } minutes
    } to the programs of your account; "carnet lock" closes it before.
keyring-admitted = The keyring of your account opens the vault from now on: without a passphrase while you are signed in, for every program of your account. The passphrase still opens it, here and everywhere else. "carnet unlock --no-keystore" takes this back.
keyring-withdrawn = The keyring of your account no longer opens the vault: only the passphrase does.
keyring-was-withdrawn = No keyring opened the vault.
keyring-passed-over = The keyring of your account did not open the vault: { $why }. The passphrase opens it.
keyring-absent = no keyring is running for your account
keyring-locked = it is locked
keyring-no-entry = it has no key for this vault
keyring-other-key = the key that it has is not one of this vault
keyring-silent = it did not answer in time
keyring-refused = it said "{ $reason }"
warning-keyring-opens = the keyring of your account still opens the vault while you are signed in, without a passphrase. "carnet unlock --no-keystore" ends that.
warning-keyring-may-open = the keyring of your account does not open the vault now ({ $why }), and may do so again later. "carnet unlock --no-keystore" ends that.
warning-keyring-not-carried-over = only the passphrase opens the vault now: the keyring that could open it before cannot any more. "carnet unlock --keystore" lets the keyring of your account open it again.
warning-keyring-key-stays = a key may have stayed in the keyring of your account ({ $why }). It opens nothing any more.
column-opens-with = Opens with
opens-with-passphrase = the passphrase
opens-with-unlocking = without a passphrase until its time is over ("carnet lock" ends that)
opens-with-keyring = the keyring of your account, while you are signed in
opens-with-keyring-not-now = the keyring of an account, but not now: { $why }
doctor-lock = Lock
lock-passphrase = passphrase
lock-unlocking = key of an unlocking for a time, which may be over
lock-keyring = keyring of an account
passphrase-changed = The passphrase is changed and the whole vault has a new key: the old one opens nothing any more, even with a copy of the beginning of the file.
passphrase-changed-habit = The passphrase is changed. An old copy of the vault still opens with the old one.
doctor-version = Version
doctor-bytes = Size of the vault (bytes)
doctor-records = Records
doctor-to-send = Waiting to be sent
doctor-waiting = Waiting for a missing piece
doctor-quarantined = In quarantine
doctor-missing-files = Documents not on this device yet
doctor-swept-files = Left-over files removed
doctor-whole = The whole vault was read again: everything is intact.
doctor-shallow = The vault opens and reads. "carnet doctor --deep" reads all of it again.
doctor-damaged = The whole vault was read again: a part is damaged.
doctor-summaries-damaged = { $count ->
        [one] One sealed summary of the history is lost or altered. The entries are all there; "carnet sync" asks for it again.
       *[other] { $count } sealed summaries of the history are lost or altered. The entries are all there; "carnet sync" asks for them again.
    }
doctor-files-damaged = The whole vault was read again. It is intact, but for attached files:
document-saved = The content is in { $path }.
stage-import = Import
import-file = { $path } ({ $format })
import-read = Rows read
import-added = Added
import-already-there = Already there
import-merged = Merged
import-set-aside = Set aside
import-refused = Refused
import-why-kept = { $count ->
        [one] { $count } row kept with a remark
       *[other] { $count } rows kept with a remark
    }, { $kind }: { $why }
import-why-refused = { $count ->
        [one] { $count } row refused
       *[other] { $count } rows refused
    }, { $kind }: { $why }
import-why-set-aside = { $count ->
        [one] { $count } row set aside
       *[other] { $count } rows set aside
    }, { $kind }: { $why }
import-why-at = { $said } [{ $places }]
import-reason = { $reason ->
        [a-goal-not-a-measure] a goal, not a measure
        [about-a-relative] about a relative, not this person
        [after-the-export] dated after the export
        [answer-unknown] the answer is none of the form
        [archive-inside-an-archive] an archive inside the archive is not read
        [attribute-unreadable] an attribute cannot be read
        [base64-damaged] the attached content is damaged
        [billing] billing, without medical content
        [cda-set-aside] a CDA document of other content
        [changed-since-read] changed since it was read
        [character-refused] holds a line end or another control character
        [clinical-resource-missing] the export names a medical file that it lacks
        [code-in-words] the code is given in words only
        [code-too-long] code too long
        [component-missing] a part of the measure is missing
        [computed] a computed value cannot be typed
        [content-missing] the content of the document is not in the file
        [cut-off] the file ends too early
        [daily-totals-repeat-the-samples] these totals repeat the samples
        [detail-of-a-row] detail of a row that is read
        [details-stay-in-the-document] the details stay in the document
        [device] describes a device
        [diastolic-not-below-systolic] the diastolic pressure is not below the systolic
        [digits-dropped] digits beyond what is kept were dropped
        [document-type-or-entity] holds XML definitions that are refused
        [document-type-stepped-over] the prolog describes the file wrongly; it was stepped over
        [empty-export] the export is empty
        [end-before-start] the end comes before the start
        [entered-in-error] the source says that it was an error
        [fhir-dstu2-kept-as-a-document] an old version of FHIR: kept as a document
        [fhir-version-dstu2] an old version of FHIR (DSTU2)
        [fhir-version-r5] a newer version of FHIR (R5)
        [fhir-version-stu3] an old version of FHIR (STU3)
        [file-not-in-the-export] the export lacks this file
        [file-of-the-system] a file of the system, without content
        [finess-key-wrong] the check digit of the FINESS number does not fit
        [forbidden-characters-dropped] characters that are not allowed were dropped
        [goal] a goal
        [gpx-set-aside] routes: see --with-positions
        [grouping-of-rows-that-are-kept] groups rows that are kept one by one
        [implicit-rules] follows rules that Carnet does not know
        [in-the-future] dated in the future
        [index-of-the-archive] the archive's own index
        [ins-key-wrong] the key of the INS number does not fit
        [insurance] insurance, without medical content
        [intimate] an intimate subject: share with care
        [json-not-accepted] JSON that is not understood
        [key-doubled] the same key twice
        [left-over-too-large] what Carnet does not understand is too large to be kept beside
        [markup] holds the code of a web page
        [member-not-in-file] refers to something that the file lacks
        [missing] a field that is needed is missing
        [modifier-not-known] an extension changes its meaning; Carnet does not know it
        [more-pressures-than-are-joined] more pressures than are joined
        [more-sources-than-listed] more sources than are listed
        [more-types-than-are-kept] more types than are kept
        [name-changed] the name was changed
        [no-date] without a date
        [no-person] does not say whom it is about
        [no-resource-in-entry] an empty entry
        [no-type] without a type
        [no-value] without a value
        [not-a-number] not a number
        [not-a-time] not a time
        [not-asked] answers a question that is not asked
        [not-part-of-the-export] not part of the export
        [not-read] not read by Carnet yet
        [not-the-declared-type] the file is not of the type that it states
        [not-whole] must be a whole number
        [other-person] about somebody else
        [out-of-bounds] out of bounds
        [part-of-the-document] stays in the document
        [planned] planned, not done yet
        [positions-not-asked-for] positions: see --with-positions
        [postal-code] a French postal code has five digits
        [pressure-without-value-or-date] a pressure without value or date
        [remark-on-another-statement] a remark on another statement
        [rpps-key-wrong] the key of the RPPS number does not fit
        [said-in-words] said in words: stays in the document
        [says-less-than-the-main-file] says less than the main file
        [second-main-file] a second main file
        [several-persons] about several persons
        [size-differs] the size that it states is wrong
        [statistics-win-over-attributes] two figures differ; that of the details is kept
        [stylesheet-not-run] the stylesheet of the document is never run
        [text-cut] text too long, cut
        [time-in-words] the time is given in words only
        [time-not-read] a time that cannot be read
        [too-large] too large
        [too-long] too long
        [too-many-attachments] too many attachments
        [unit-unknown] a unit that does not go with this measure
        [unknown-code] an unknown code
        [unknown-zone] an unknown time zone
        [wishes-stay-in-the-document] wishes: they stay in the document
        [without-a-name] without a name
        [without-a-substance] without a substance
        [without-a-value] without a value
        [without-an-identifier] without an identifier
        [xml-not-accepted] XML that is not understood
       *[other] { $reason }
    }
import-digest = { $state ->
        [same] The archive holds just what it says it held when it was written.
        [differs] The archive does not hold what it says it held when it was written.
       *[none] The archive is of a part and states no digest: nothing could be compared.
    }
import-dry = Dry run: nothing was saved.
ask-export = The export is clear text: whoever opens the file can read it all. Go on?
exported = { $path } holds { $entries } entries, { $files } files and { $samples } samples.
export-left-out = Not part of this format: { $removed } removed entries, { $lines } lines of the access log, and the former states of entries. The archive has the first two.
export-losses = What is not in it:
loss-reason = { $reason ->
        [absence-meaning] FHIR does not make this distinction
        [calendar-only] of use to calendars only
        [category-from-type] found again from the type
        [changed-since-read] changed since it was read
        [code-not-allowed] FHIR does not allow this code there
        [dense-samples] dense samples: in the archive only
        [dose-number-missing] the number of the dose is missing
        [end-beside] FHIR does not allow it beside an end
        [file-not-given] content not on this device
        [later-version] not known to this version
        [link-left-out] no place for this link
        [name-in-place] the name stands in its place
        [national-only] a code of Mon espace santé only
        [no-note] FHIR has no note there
        [no-place] FHIR R4 has no place for it
        [no-place-in-resource] FHIR R4 has no place for it there
        [no-resource] FHIR R4 has no place for this entry
        [not-as-it-was] comes back otherwise than it was
        [other-sheet] the last identity sheet stands for you
        [other-source] word for word from another kind of source
        [server-only] said by the service of origin
        [text-in-file] the words are in the attached file
        [time-of-actor] FHIR does not say when each one acted
        [vault-only] kept in the vault only
        [words-beside-date] the date stands for these words
       *[other] { $reason }
    }
stage-export = Export
column-strength = Strength
column-number = No.
log-holds = The log holds: { $count } lines checked.
log-breaks = The log does not hold: device { $device }, line { $number }.
ask-kit-words = Type the 24 words of the sheet, with spaces between:
ask-old-kit-words = Type the 24 words of the present sheet, with spaces between:
ask-new-kit = Make a new recovery kit for "{ $name }"? The present sheet opens nothing any more once it is made.
ask-restore = Restore "{ $name }" here? All its other devices lose their place in it.
ask-restore-without = Restore "{ $name }" here? These devices lose their place in it: { $devices }. The others keep theirs.
ask-restore-beside = Restore "{ $name }" here? Its other devices keep their place in it.
record-restored = The record is back, as "{ $name }". Its other devices have no place in it any more.
record-restored-beside = The record is back, as "{ $name }". "carnet device list" shows which other devices have their place in it.
kit-replaced = "{ $name }" has a new recovery kit. Put its sheet away, and destroy the old one: it opens nothing any more.
exchange-written = File of exchange written: { $path }. Only the devices of the record can read it.
kit-opens = The recovery kit opens the record "{ $name }". Put the sheet away.
compare-code = Code shown here: { $digits }. If it is the same on the other device, type "same":
ask-ticket = Paste the invitation:
ask-ticket-code = Type the code of the invitation:
ask-trust-again = Exchange again for "{ $name }" with this relay, as if it were new? Do so if you know why it changed.
ticket-written = The invitation is in { $path }. Whoever reads it can try to join: hand it over in person.
ticket-code = Code to read out
ticket-expires = The invitation holds until { $expires }. Waiting for the other device…
device-asks = The device "{ $name }" asks to join.
device-admitted = The device "{ $name }" is part of the record now.
join-waits = Waiting for the answer on the other device, for { $minutes } minutes at most…
joined = The record "{ $name }" is on this device.
record-digest = Digest of the content
sync-listening = The other devices of the record reach this one with: carnet sync --peer { $address }
sync-connected = Connected to the relay: what is written on the other devices comes by itself. Ctrl-C ends.
sync-reconnecting = The relay does not answer. It is called again and again; the other devices still reach this one. Ctrl-C ends.
sync-listens = Listening on the local network, for { $seconds } seconds at most…
sync-goes-on = Exchanges go on, with the relay and with the other devices. Ctrl-C ends.
sync-without-relay = The relay is called no more until this command is started again; the other devices still reach this one. Ctrl-C ends.
sync-without-device = That device is connected to no more until this command is started again; everything else goes on. Ctrl-C ends.
sync-local-unavailable = The local network cannot be used now; it is tried again every two seconds. Everything else goes on.
sync-came = Writings that came: { $count }.
sync-served = Exchanges with other devices
network-waiting = No answer yet; still calling…
sync-quiet = Everything was up to date.
sync-received = Writings received
sync-sent = Writings sent
sync-operations = Access decisions received
sync-objects-received = Sealed files received
sync-objects-sent = Sealed files sent
sync-bytes-received = Bytes received
sync-bytes-sent = Bytes sent
sync-new-incarnation = This vault is a copy of one that went on elsewhere: it writes under a new name from now on.
sync-relay-restored = The relay began again, from a backup or empty: everything is offered to it again.
stage-send = Sending
stage-receive = Receiving
warning-held-up = The relay does not take a removal, or the proof that a device was copied, that is signed here: it would hide what had lain there for more than 7 days, and this device cannot say that this stays. Whoever has only the relay does not know of it, and nothing written here since reaches the relay. If a device is lost or stolen, remove it now from another device of the person whose record it is.
warning-adopted = A removal reached the relay late. What the removed device had written until now stays in the record: look through it.
warning-not-taken = { $count } writings were not taken by the relay yet; they stay to be sent.
warning-quarantined = { $count } writings that came are set apart and change nothing in the record.
warning-envelopes-waiting = { $count } writings that came wait for what they lack.
warning-objects-missing = { $count } files are missing at the relay; they come once a device that has them sends them.
warning-snapshot-rejected = { $count } summaries that a device of this record published do not agree with what it had signed: nothing of them was taken. Look at "carnet device list".
warning-still-unlocked = the system's key store keeps the key of "unlock --for" and refused to give it up: { $reason }. It still opens the vault until its time ends. Try "carnet lock".
warning-no-relay = this record has no relay: nothing was exchanged. "sync --relay" gives it one.
alarm-behind = it does not show what another device saw there
alarm-checkpoint = its checkpoint contradicts what it sends
alarm-fork = it shows another history than before
alarm-receipt = a receipt is missing, or not its own
alarm-rollback = it shows an earlier state than before
alarm-split = another device saw another history there
alarm-withheld = it keeps something back, or altered it
demo-folder = Folder of the demonstration
demo-phrase = Passphrase of both vaults
demo-scene-relay = 1. A relay starts, in a process of its own.
demo-scene-vault = 2. A vault and a record, on the first device.
demo-scene-import = 3. The samples are taken in: they speak of an invented person.
demo-scene-pair = 4. A second device joins the record; both show the same code.
demo-scene-sync = 5. Each writes on its own, then they exchange through the relay.
demo-scene-compare = 6. Do both devices hold the same?
demo-scene-second = 7. The same for a second person, in the same vaults: a record apart, from a FHIR file.
demo-code-first = Code of the first device
demo-code-second = Code of the second device
demo-digest-first = Digest on the first device
demo-digest-second = Digest on the second device
demo-relay-holds = 8. All that the relay sees:
demo-search = 9. Known texts, searched for in the samples and in every file of the relay:
demo-audit-file = Every number that it could give is in { $path }. Names, birth dates, contents: it has none.
demo-column-file = File
demo-column-record = Record
demo-column-sections = Sections
demo-column-envelopes = Envelopes
demo-column-files = Sealed files
demo-column-bytes = Bytes
demo-column-text = Text
demo-column-relay = At the relay
demo-column-samples = In the samples
demo-done = Two records, the same on both sides, nothing readable at the relay, in { $seconds } s.
demo-next = To go on in this folder:

## Help

help-usage = Usage:
help-commands = Commands
help-arguments = Arguments
help-options = Options
help-options-of-all = Options of every command
help-command-name = COMMAND
help-values = { $text } [values: { $values }]

command = The health record that stays with you: encrypted, offline, without an account.
command-completions = Writes the completion script of a shell.

option-vault = Folder of the vault. By default the platform's data folder; see also CARNET_VAULT.
option-record = The record meant, by name or identifier. By default the only one, or the one marked as default.
option-json = One JSON object on standard output.
option-yes = Answers yes to confirmations; never to a comparison of codes nor to reading back the recovery words.
option-quiet = Neither talk nor progress.
option-lang = Language of the talk.
option-passphrase-file = Passphrase: first line of this file, refused if other accounts can read it.
option-passphrase-fd = Passphrase: first line read from this open descriptor.
option-help = Shows this help.
option-version = Shows the version.
option-completions-shell = The shell.

## Commands and options

command-init = Makes the vault if there is none, then a record, and hands over its recovery kit.
command-unlock = Leaves the vault open for a while, lets the keyring of your account open it, or changes its passphrase.
command-lock = Closes the vault that was left open.
command-status = The records, what this device is in them, and what is left to do.
command-doctor = Says whether the vault is whole and what waits.
command-record = The records of this vault.
command-record-list = Lists the records.
command-record-show = Shows a record.
command-record-rename = Changes the name of a record, on this device.
command-record-default = Marks the record that is meant by default.
command-profile = The medical profile: identity, diseases, disabilities, family history, lifestyle, treatments, stays, blood group, allergies, vaccines, advance directives, organ donation.
command-profile-add = Adds an entry.
command-profile-list = Lists the entries.
command-profile-form = Shows the questions of a form, what may be answered and what was.
command-profile-show = Shows an entry.
command-profile-edit = Corrects an entry; the state before stays in the history.
command-profile-remove = Removes entries.
command-profile-none = States, with the date, that none is known.
command-measure = Measures: weight, blood pressure, glucose and the others.
command-measure-add = Adds a measure.
command-measure-list = Lists the measures.
command-measure-show = Shows a measure.
command-measure-edit = Corrects a measure.
command-measure-remove = Removes measures.
command-measure-target = Shows, sets or removes the target of a measure: what you want it to be.
command-document = Documents, kept encrypted beside the vault.
command-document-add = Adds documents.
command-document-list = Lists the documents.
command-document-show = Shows a document, or gives its content.
command-document-edit = Corrects what is said about a document.
command-document-remove = Removes documents.
command-agenda = Appointments, reminders and prevention.
command-agenda-add = Adds an appointment, a reminder or an exam.
command-agenda-due = Exams, screenings and vaccines that published rules recommend, each with its rule.
command-agenda-list = Lists appointments, reminders and exams.
command-agenda-next = What comes: appointments, and each time of a reminder, from today on.
command-agenda-show = Shows an appointment, a reminder or an exam.
command-agenda-edit = Corrects an appointment, a reminder or an exam.
command-agenda-remove = Removes appointments, reminders or exams.
command-agenda-rules = The published rules that "agenda due" goes by, and others, signed, in their place.
command-contact = Relatives, professionals, establishments.
command-contact-add = Adds a contact.
command-contact-list = Lists the contacts.
command-contact-show = Shows a contact.
command-contact-edit = Corrects a contact.
command-contact-remove = Removes contacts.
command-timeline = Everything the record holds, in the order of time.
command-import = Takes in files from outside, and says what became of every row.
command-device = The devices of a record.
command-device-list = Lists the devices.
command-device-remove = Removes a device and changes the keys.
command-intake-worker = The reader of files; started by the import.
option-id = Identifier, or its first characters (six at least).
option-history = Shows the former states too.
option-restore = Brings back a removed entry.
option-comment = A note.
option-link = Links to another entry.
option-from-json = Reads an entry or a list of entries from a JSON file ("-": standard input).
option-from = From this date on.
option-to = Until this date, included.
option-limit = Only the last N.
option-sort = Order of the list.
option-all = With removed entries.
option-name = Name.
option-start = Start; the date may be partial.
option-end = End; empty takes it away.
option-at = Date or instant.
option-dosage = Dosage.
option-reason = Reason.
option-profile-add-duration = Length of the stay: 3d, 2w, 1m.
option-profile-edit-duration = Length of the stay: 3d, 2w, 1m.
option-group = Blood group, for instance A+.
option-type = Place of a vaccination in its series (booster, first, unknown), or what a disability is about; several values with commas between.
option-rate = Stated rate of a disability.
option-human-help = Whether somebody helps the person.
option-technical-help = Technical help: wheelchair, hearing aid...
option-profile-add-relation = Who of the family.
option-profile-edit-relation = Who of the family.
option-item = Answer to a question of a form, for instance fruit=everyday; "profile form" shows the questions and the possible answers. Empty, the answer is taken away.
option-lot = Lot number.
option-cip = CIP code of the box, 7 or 13 digits.
option-code = Code in a code system, for instance icd10|E11.9.
option-severity = Severity, in words.
option-criticality = Possible harm of an allergy.
option-family = Family name.
option-given = Given name; repeat for several.
option-birth = Birth date.
option-sex = Administrative sex.
option-ins = INS number, kept as a claim.
option-birth-place = Place of birth.
option-profile-add-kind = Kind of entry.
option-profile-list-kind = Kind of entry.
option-profile-form-kind = Which form.
option-profile-none-kind = What there is none of.
option-undo = Takes the statement back.
option-measure-add-kind = Kind of measure: weight, height, blood-pressure, glucose…
option-measure-list-kind = Kind of measure.
option-measure-target-kind = Kind of measure, or one of its parts: hba1c, weight, systolic...
option-low = Lowest that the measure is meant to be; empty for no such end.
option-high = Highest that the measure is meant to be; empty for no such end.
option-measure-target-remove = Removes the target.
option-value = Value, with a comma or a point; blood pressure: 120/80.
option-unit = Unit, when it is not that of the kind.
option-moment = Moment of a glucose measure: fasting, before-meal, after-meal…
option-days = Number of days that the value sums up.
option-raw = One sample a line, as received.
option-daily = One line a day.
option-sources = The sources, and how many samples each.
option-format = Form of the list.
option-title = Title.
option-date = Date of the document.
option-category = Category: BIOLOGIE, CPT_REND, ORD_SOIN…
option-confidentiality = For whom the document is hidden.
option-folder = Folder.
option-tag = Tag; repeat for several.
option-dispute = Dispute of the content, in words.
option-pin = Keeps on top.
option-timeline-text = Entries that say all of these words, whatever the accents; what is in the files is not read.
option-timeline-kind = Kinds, separated by commas, as --json names them.
option-timeline-source = Where they come from: a file, an application, an author, or a part of the name.
option-document-list-text = Documents whose entry says all these words, whatever the accents; what is in the files is not read.
option-pinned = Only those kept on top.
option-document-add-file = Files: PDF, image, text.
option-document-show-out = Writes the content, in clear, to a new file.
option-with = With whom.
option-place = Place.
option-agenda-next-days = Number of days, today included.
option-repeat = Comes back every 1d (days), 2w (weeks), 3m (months) or 1y (year); empty for once.
option-until = Last day on which it comes back; empty to take it away.
option-time = Time of the day, 08:00; given again for each further one; empty to take them away.
option-status = State of the appointment or the exam.
option-agenda-due-code = One rule or recommendation, for its details and sources.
option-agenda-due-all = Shows what is done, over or far away as well.
option-agenda-due-mark = Notes how it stands: done, not done, to be planned.
option-agenda-due-at = The day on which it was or will be done. Without it, done means today.
option-agenda-due-on = The day to answer for, instead of today.
option-agenda-rules-from = Signed file of rules to go by instead.
option-agenda-rules-bundled = Goes back to the rules that come with Carnet.
option-agenda-add-kind = Kind of entry.
option-contact-add-kind = Kind of contact.
option-types = What this relative is for you; several values with commas between.
option-relation = Relation, in words.
option-phone = Telephone.
option-prefix = Title: Mrs, Dr.
option-mobile = Mobile telephone.
option-street = Number and street.
option-postal-code = Postal code.
option-city = Town.
option-country = Country.
option-email = E-mail address.
option-rpps = RPPS number.
option-finess = FINESS number.
option-role = Role, for instance family doctor.
option-profession = Profession.
option-init-name = Name of the record, for instance the given name of the person.
option-relay = Address of the relay.
option-no-relay = Without a relay, even if the settings name one.
option-init-device = Name of this device in the list of devices.
option-kit-out = Writes the recovery kit to this new PDF: print it, then delete it.
option-no-kit = Without a recovery kit: a lost record is lost for ever.
option-unlock-duration = Leaves the vault open for this time: 15m, 8h, 2d; seven days at most. Any program of your account can open it then.
option-init-keystore = Lets the keyring of your account open the vault too, without a passphrase while you are signed in.
option-unlock-keystore = Lets the keyring of your account open the vault too, without a passphrase while you are signed in. Any program of your account can open it then.
option-no-keystore = No keyring opens the vault any more, only the passphrase.
option-new-passphrase = Changes the passphrase, asked for at the terminal.
option-new-passphrase-file = Changes the passphrase: first line of this file.
option-unlock-reason = "known" if someone may know the old one: the whole vault gets a new key.
option-deep = Reads the whole vault again.
option-bundle = Writes a report without personal data to this new file.
option-record-rename-name = New name.
option-device-remove-reason = Why the device is removed.
option-import-source = Where the entries and documents come from, such as a laboratory, when the file does not say.
option-import-kind = Kind that the files must have; a file of another kind is refused.
option-import-file = Files or folders.
option-zone = Zone of times without a zone, for instance Europe/Paris.
option-with-positions = Takes in positions too.
option-dry-run = Reads without saving anything.
option-report = Writes the whole report, with refused values, to this new file.
option-accept-other-person = Takes the file in even if it seems to speak of someone else.
command-export = Gives everything, or a part, in clear, in a new file.
option-out = New file.
option-export-format = "archive": everything, to be read back by Carnet; "fhir": a FHIR R4 Bundle, for other programs.
option-section = Sections, with commas between; "all" for all.
command-log = The access log.
command-log-list = Lists the lines of the log.
command-log-verify = Checks the chains of the log, or of an exported log.
option-actor = Device, by the first characters of its identifier.
option-log-list-kind = What the line tells: import, export, device-added…
option-strength = What the line proves by itself.
option-log-verify-file = Log exported with "log list --out".
command-recovery = The recovery kit.
command-recovery-kit = Makes a new recovery kit in place of the present one, whose 24 words are asked for.
option-recovery-kit-out = Writes the new kit to this new PDF: print it, then delete it.
command-recovery-rehearse = Checks that the 24 words open the record, without changing it.
command-recovery-restore = Brings a record back onto this device, with the 24 words and its relay or a file of exchange.
option-recovery-restore-id = Record, as the sheet of the kit gives it.
option-recovery-restore-relay = Relay of the record, as the sheet of the kit gives it.
option-recovery-restore-from = File of exchange written by another device ("sync --file").
option-recovery-restore-name = Name of the record on this device.
option-recovery-restore-label = Name of this device.
option-remove-devices = Which devices lose their place: "all" (if nothing is said), "none", or names and identifiers.
option-sync-file = Exchange by file: takes in FILE if it exists, else writes it for the other devices.
option-words-fd = Words: first line read from this open descriptor.
command-pair = Adds a device to a record, with a code to compare on both sides.
command-pair-invite = Invites a device, and waits until it asks to join.
command-pair-join = Joins a record to which this device is invited.
command-sync = Exchanges what is new in the record with its relay, or with another device.
command-demo = Plays the main job on two invented people: import, second device, exchange, and what the relay sees of it.
command-demo-relay = The relay of the demonstration.
command-demo-relay-serve = Serves until the end of standard input.
command-demo-relay-audit = Tells all that someone with the relay's disk sees.
option-ticket-out = Writes the invitation to this new file, readable by your account only.
option-pair-invite-code = Invites with a code to read out instead of a QR code.
option-letter = The invitation holds 48 hours instead of 15 minutes.
option-ticket = File of the invitation; "-" for standard input.
option-pair-join-relay = Relay of the other device; the code of the invitation is asked for.
option-pair-join-label = Name of this device, shown to the other.
option-pair-join-name = Name of the record on this device.
option-once = One exchange; this is the default.
option-sync-local = Finds the other devices of the record on the local network, where one of them runs "sync --watch --local"; with --watch, calls them too. Others there learn no name, but that Carnet runs here.
option-sync-peer = Exchanges with this device directly, without a relay: the address that "sync --watch" shows there.
option-sync-relay = Gives the record this relay, for all its devices, if it has none.
option-sync-watch = Stays connected, and answers the other devices of the record, until Ctrl-C.
option-trust-again = Exchanges again after an alarm, as with a new relay.
option-demo-dir = Folder, new or empty; carnet-demo in the current folder by default.
option-data = Folder of the relay.

## Words not understood

usage-unknown-option = There is no option "{ $option }".
usage-unknown-option-suggest = There is no option "{ $option }". Did you mean "{ $suggestion }"?
usage-unknown-command = There is no command "{ $word }".
usage-missing-command = The name of a command is missing.
usage-missing = Missing: { $option }.
usage-conflict = "{ $option }" and "{ $other }" do not go together.
usage-value = The value given to "{ $option }" is not accepted.
usage-value-among = The value given to "{ $option }" is not accepted. Possible values: { $values }.
usage-not-for-kind = "{ $option }" means nothing for an entry of kind { $kind }.
usage-kind-not-editable = An entry of kind { $kind } cannot be edited here.
usage-components = { $kind } is written as two numbers with a slash between: 120/80.
usage-export-file = "--out" asks for the name of a new file: an export does not go to the screen.
usage-read-only = This appointment comes from another publisher: it cannot be edited here.
usage-other = The command line is not understood.

## Rules of the record

rule-answer = { $field }: there is no such answer.
rule-answer-bounds = { $field }: a whole number from { $low } to { $high }.
rule-before-birth = The date lies before the birth.
rule-adult = Advance directives are written from the age of 18, and the identity sheet tells of a younger person.
rule-character = { $field }: a line end or another control character has no place there.
rule-component = { $kind }: { $component } is missing.
rule-computed = { $kind }: it is computed and cannot be typed.
rule-days-forbidden = { $kind }: a number of days (--days) means nothing here.
rule-days-missing = { $kind }: say over how many days (--days).
rule-days-zero = The length must be above zero.
rule-diastolic = The systolic pressure must be above the diastolic one.
rule-end-before-start = The end comes before the start.
rule-markup = { $field }: markup has no place there.
rule-one-trusted = There is a trusted person already, and there can be one only: first take that part from the other contact (contact edit ID --types emergency, for instance).
rule-missing = Missing: { $field }.
rule-moment-forbidden = { $kind }: a moment (--moment) means nothing here.
rule-moment-missing = { $kind }: say at which moment (--moment fasting, after-meal…).
rule-not-asked = { $field }: this is asked only when the answer to "{ $other }" is "{ $answer }".
rule-one-form = { $kind }: the record has such an entry already, and has only one. "profile edit" changes it.
rule-not-whole = { $kind }: a whole number.
rule-bounds = { $kind }: between { $low } and { $high }.
rule-postal-code = A French postal code has five digits; for another country give --country.
rule-too-long = { $field }: more than { $max } characters.
rule-too-many = { $field }: no more than { $max }.
rule-unit = { $kind }: this unit does not fit; give the value in { $unit }, or in a unit that converts to it (--unit).
rule-value-forbidden = { $kind }: this measure has no value of its own, only those of its parts.
rule-other = A rule of the record is broken ({ $rule }).
field-name = { $field ->
        [at] the date
        [city] the city
        [comment] the comment
        [country] the country
        [day] the day (--at)
        [dosage] the dosage
        [duration] the length
        [group] the group
        [human-help] whether somebody helps (--human-help)
        [item] an answer (--item)
        [lot] the batch
        [measure] the kind of measure
        [name] the name
        [names] the name
        [period] the repetition (--repeat)
        [postal-code] the postal code
        [range] an end (--low, --high)
        [relative] who of the family (--relation)
        [start] the beginning
        [street] the address
        [technical-help] the technical help
        [times] the times (--time)
        [title] the title
        [types] what the disability is about (--type)
        [value] the value
       *[other] { $field }
    }
remark-finess-key = The check digit of the FINESS number is wrong. The number is kept as it is.
remark-ins-key = The check digits of the INS number are wrong. The number is kept as it is.
remark-rpps-key = The check digit of the RPPS number is wrong. The number is kept as it is.

## The recovery kit, printed in both languages

kit-title = Recovery kit
kit-what = These 24 words open the record when every device is lost. Whoever reads this sheet can read everything: keep it like a will, away from the devices. Nobody, not even the relay, can reset your access.
kit-record = Record identifier
kit-relay = Relay address
kit-no-relay = no relay
kit-use = To get the record back: on a new device, run "carnet recovery restore --id RECORD --relay RELAY" with what stands above, and type the words in order. Without a relay, give "--from" and a file that a device wrote ("carnet sync --file"). The code beside says the same as this sheet.

## Failures: what happened, what it means for your data, what to do

error-already-here = This record is on this device already.
    .meaning = Nothing was done.
    .hint = "carnet status" lists the records of this device; "carnet sync" brings this one up to date. To have it a second time on this machine, use another folder: --vault.
error-archive-version = { $path } was made by a newer version of Carnet.
    .meaning = Nothing of it was read or saved.
    .hint = Install a newer version of Carnet, then import it again.
error-bad-blood-group = There is no such blood group.
    .meaning = Nothing was saved.
    .hint = Write A+, A-, B+, B-, AB+, AB-, O+ or O-.
error-bad-code = The code given to "{ $option }" is not understood.
    .meaning = Nothing was saved.
    .hint = Write SYSTEM|CODE, for instance icd10|E11.9; a CIP code has 7 or 13 digits.
error-bad-date = The date given to "{ $option }" is not understood.
    .meaning = Nothing was saved.
    .hint = Write 2019, 2019-05 or 2019-05-03; for a time of day, 2019-05-03T08:30, or with its offset, 2019-05-03T08:30:00+02:00.
error-bad-duration = The duration given to "{ $option }" is not understood.
    .meaning = Nothing was done.
    .hint = Write a number followed by s, m, h or d: 15m, 8h, 2d.
error-bad-json = The JSON is not understood: it must be an entry, or a list of entries, of a kind that this command knows, without unknown fields.
    .meaning = Nothing was saved.
    .hint = Take as a model an entry shown with --json.
error-bad-name = This name is empty, too long, or holds an invisible character.
    .meaning = Nothing was done.
    .hint = Choose a name of at most 50 characters.
error-bad-number = The number given to "{ $option }" is not understood.
    .meaning = Nothing was saved.
    .hint = Write 72.4 or 72,4, without unit or space.
error-bad-record-id = The identifier of the record is not understood.
    .meaning = Nothing was done.
    .hint = Copy it whole, as the sheet of the kit gives it: 64 letters and digits.
error-bad-relay = The address of the relay is not understood.
    .meaning = Nothing was done.
    .hint = Copy it whole, as the relay shows it when it starts.
error-bad-length = The length given to "{ $option }" is not understood.
    .meaning = Nothing was saved.
    .hint = Write a number followed by d, w, m or y: 3d, 2w, 1m, 1y.
error-bad-time = The time given to "{ $option }" is not understood.
    .meaning = Nothing was saved.
    .hint = Write the hour and the minutes with four digits: 08:00, 20:30.
error-bad-zone = There is no such time zone.
    .meaning = Nothing was done.
    .hint = Write a name of the tz database, for instance Europe/Paris.
error-bundle-too-large = What is asked for goes beyond what is read in one FHIR Bundle (64 MiB).
    .meaning = Nothing was written.
    .hint = Choose sections (--section) or dates (--from, --to), or the export "archive".
error-busy = Another command is using the vault.
    .meaning = What was said to be saved is saved; this command changed nothing.
    .hint = Wait until it ends, or end it (Ctrl-C) if it is "carnet sync --watch", which keeps the vault as long as it runs; then try again.
error-carnet-archive = { $path } is an archive of Carnet that is damaged, altered, or of another version.
    .meaning = Nothing was saved.
    .hint = Make the export again on the first device, or use the version of Carnet that wrote it.
error-codes-differ = The two codes were not said to be the same.
    .meaning = The pairing is abandoned: no access was given, nothing was received.
    .hint = If the codes were different, someone may have slipped between the two devices: start again with a new invitation, side by side if you can.
error-config-invalid = The settings file { $path } is not understood: { $reason }.
    .meaning = No vault was opened.
    .hint = Mend the file or take it away. Known keys: vault, record, language, relay, zone.
error-confirmation-needed = A confirmation is needed, and there is no terminal to ask for it.
    .meaning = Nothing was done.
    .hint = If you are sure, add --yes.
error-damaged = The vault is damaged: a part no longer matches what was written.
    .meaning = Nothing doubtful was shown as true; nothing was changed.
    .hint = Copy the folder of the vault to a safe place, run "carnet doctor --deep", then go on from a copy or another device.
error-demo-differs = The demonstration did not hold: the two devices differ, or known text can be read at the relay, or the search proved nothing.
    .meaning = None of your data is at stake: all of it is invented.
    .hint = Report it with what is shown above.
error-demo-step = The demonstration stopped at "{ $step }": { $message }
    .meaning = None of your data is at stake: all of it is invented.
    .hint = Run it again; if it stops again, report it with this sentence.
error-device-key-missing = The key of one of the record's devices is missing here: nothing can be sealed to it.
    .meaning = Nothing was changed, and nothing is damaged. A relay that gives another key, or none, causes this.
    .hint = Meet another device of the record directly, or by an exchange file, then try again.
error-device-unknown = No device, or several, have this identifier.
    .meaning = Nothing was done.
    .hint = "carnet device list" gives the identifiers; six characters are enough if they are unambiguous.
error-devices-full = This record has as many devices as it may.
    .meaning = The device was not added; the record is as it was.
    .hint = Remove a device that is no longer used, with "carnet device remove", then pair again.
error-disk-failed = The disk failed.
    .meaning = What was said to be saved is saved; this command changed nothing.
    .hint = Check the disk, then try again; "carnet doctor --deep" says whether the vault is whole.
error-disk-full = The disk is full.
    .meaning = What was said to be saved is saved; this command changed nothing.
    .hint = Make room, then try again.
error-entry-too-large = This entry is too large.
    .meaning = Nothing was saved.
    .hint = Put the long text in a document.
error-entry-ambiguous = This identifier is too short, or several entries begin with it.
    .meaning = Nothing was done.
    .hint = Give at least six characters of it, and more where needed; "show" and --json give it whole.
error-entry-unknown = No entry that this command knows has this identifier.
    .meaning = Nothing was done.
    .hint = Copy it as the list of this command shows it; "carnet timeline --all" has them all.
error-file-not-here = The content of this document is not on this device.
    .meaning = What is written about it is here, and nothing was lost by this command.
    .hint = Run "carnet sync": a device or a relay that has the content gives it. If none has, add the file again with "carnet document add".
error-files-damaged = { $count ->
        [one] One attached file is lost or altered on this device.
       *[other] { $count } attached files are lost or altered on this device.
    }
    .meaning = Everything else was read and is intact, the entries of these documents too. What is left of the files was set aside, nothing was thrown away.
    .hint = Run "carnet sync": a device or a relay that has them gives them again. If none has, add the originals again with "carnet document add".
error-exchange-version = This file of exchange was made by a newer version of Carnet.
    .meaning = Nothing of it was read, and the record has not changed.
    .hint = Install a newer version of Carnet on this device, then take the file in again.
error-file-exists = { $path } exists already.
    .meaning = It was not replaced.
    .hint = Choose another name, or take that file away.
error-file-refused = { $path } is damaged, or is not what it claims to be.
    .meaning = Nothing of this file was kept.
    .hint = Make the export again at the source, then try again.
error-file-shared = The file { $path } can be read by other accounts of this machine.
    .meaning = The vault stayed closed; nothing was read or changed.
    .hint = Keep it to your account (chmod 600), then choose another passphrase if someone may have read it.
error-file-too-heavy = { $path } takes more time or memory than what is accepted.
    .meaning = Nothing of this file was kept.
    .hint = Cut it into parts, or make the export again at the source.
error-file-unreadable = The file { $path } could not be read: { $reason }.
    .meaning = Nothing was saved.
    .hint = Check the path and your rights, then try again.
error-file-unwritable = { $path } could not be written: { $reason }.
    .meaning = Nothing incomplete is left of it; the vault has not changed.
    .hint = Check the path, the room and your rights, then try again.
error-files-refused = { $count ->
        [one] One file was not taken in.
       *[other] { $count } files were not taken in.
    }
    .meaning = The others were saved.
    .hint = The reason of each is above, or in "failed" with --json.
error-format-unknown = The format of { $path } is not read ({ $format }).
    .meaning = Nothing of this file was kept.
    .hint = Export in another format, or keep the file as a document if it is a PDF, an image or a text.
error-interrupted = The command was interrupted.
    .meaning = What was said to be saved is saved; what was under way was not done.
    .hint = Run it again when you like.
error-invitation-ended = The other side ended the invitation, or someone else used it too.
    .meaning = No access was given, and nothing was received; nothing of it stays on this device.
    .hint = Ask the other person whether the digits were the same on both screens. If not, someone may have slipped in between: start again with a new invitation, side by side if you can.
error-key-store = The system's key store refused: { $reason }.
    .meaning = The vault has not changed.
    .hint = In a container the system call is often forbidden; unlock for each command then.
error-keyring = The keyring of your account did not take a key, or not as it should: { $why }.
    .meaning = The vault has not changed, and none was made.
    .hint = Run the command without --keystore: the passphrase opens the vault. Where the keyring works again, "carnet unlock --keystore" adds it.
error-keyring-locked = The keyring of your account is locked.
    .meaning = The vault has not changed, and none was made.
    .hint = Unlock the keyring, as signing in to your desktop does, and run the command again; or run it without --keystore.
error-keyring-passed-over = The keyring of your account did not open the vault ({ $why }), and the passphrase cannot be asked for without a terminal.
    .meaning = The vault stayed closed; nothing was read or changed.
    .hint = Give the passphrase with --passphrase-file or --passphrase-fd, or run the command in a terminal.
error-kit-does-not-fit = The sheet of the recovery kit does not fit on a page.
    .meaning = The record exists, but its recovery kit was not written.
    .hint = Report it: it is a fault of the program.
error-kit-forestalled = Another device made a new recovery kit at the same time, and the relay had that one first.
    .meaning = The record is whole, and the sheet that the other device made opens it. The one made here opens nothing; if it was written to a file, the file was taken away.
    .hint = Put the other device's sheet away, and destroy every older one. To replace it, run the command again with its words.
error-kit-needs-place = The recovery kit must go somewhere, and there is no terminal to show it.
    .meaning = Nothing was done.
    .hint = Give a new PDF file: "init --kit-out FILE.pdf", "recovery kit --out FILE.pdf". "init --no-kit" makes none, if you accept that a lost record is lost for ever.
error-kit-not-read-back = The words of the new kit were not typed back as they are on the sheet.
    .meaning = Nothing was changed: the present kit still opens the record, and the new sheet opens nothing; its file was taken away.
    .hint = Run the command again, and copy or print the words before you type them.
error-kit-of-other = This recovery kit does not open this record: it is of another one, or was replaced.
    .meaning = Nothing was done.
    .hint = Check the identifier and the date printed on the sheet: only the newest sheet of this record opens it.
error-kit-words = These words are not those of a recovery kit.
    .meaning = Nothing was done.
    .hint = Read the sheet again: 24 words, in the order of the groups; the first four letters of each are enough.
error-log-broken = The access log no longer holds from line { $line } of a device on.
    .meaning = Your entries are not touched; but lines were taken out, changed or moved.
    .hint = Compare with the log of another device, and keep a copy of this folder.
error-name-needed = The name of the record is missing.
    .meaning = No record was made.
    .hint = Give --name.
error-no-answer = No answer came.
    .meaning = Nothing was done.
    .hint = Run the command again in a terminal, or give the answer on standard input.
error-no-home = The home folder is unknown, and no vault is named.
    .meaning = Nothing was read or written.
    .hint = Name the folder of the vault with --vault or CARNET_VAULT.
error-no-key-store = This system has no key store that Carnet can use.
    .meaning = The vault has not changed.
    .hint = The vault opens for each command with its passphrase.
error-no-keyring = No keyring is running for your account on this machine, so none can keep a key.
    .meaning = The vault has not changed, and none was made.
    .hint = Run the command without --keystore: the passphrase opens the vault, and "carnet unlock --for" leaves it open for a time. On a desktop with a keyring (GNOME Keyring, KWallet, KeePassXC), "carnet unlock --keystore" adds it later.
error-no-locks = This disk cannot lock files: two commands could write at once.
    .meaning = The vault stayed closed; nothing was read or changed.
    .hint = Put the vault on a local disk.
error-no-memory = There is not enough free memory to open the vault.
    .meaning = The vault stayed closed; nothing was read or changed.
    .hint = Close other programs, then try again.
error-no-network = This machine opens no network socket, or has no way to where it was to send: { $reason }.
    .meaning = Nothing was exchanged; the record is as it was.
    .hint = Check that this account may use the network, then try again.
error-no-record = There is no record, or several without a default one.
    .meaning = Nothing was done.
    .hint = Make one with "carnet init", or name one with --record.
error-no-relay = This record has no relay.
    .meaning = Nothing was exchanged; the record is whole on this device.
    .hint = Give it one with "carnet sync --relay ADDRESS".
error-no-terminal = A passphrase is needed, and there is no terminal to ask for it.
    .meaning = The vault stayed closed; nothing was read or changed.
    .hint = Give --passphrase-file or --passphrase-fd, or run the command in a terminal.
error-no-vault = There is no vault in { $folder }.
    .meaning = Nothing was made.
    .hint = Make one with "carnet init", or name the right folder with --vault.
error-no-worker = On this system Carnet cannot read files from outside safely yet.
    .meaning = Nothing was saved.
    .hint = Import it on a device with Linux; it will come here by sync.
error-not-a-document = { $path } holds data and is not a plain document.
    .meaning = Nothing was saved.
    .hint = Take it in with "carnet import".
error-not-a-file = { $path } is not an ordinary file.
    .meaning = Nothing was saved.
    .hint = Give a file or a folder.
error-not-a-ticket = This is no invitation of this version of Carnet, or the code has a wrong letter.
    .meaning = Nothing was exchanged.
    .hint = Read the code again, or ask for a new invitation.
error-not-a-vault = This folder holds no readable vault.
    .meaning = Nothing was read or changed.
    .hint = Check the folder; if the vault was there, go on from a copy or another device.
error-nobody-near = No other device of the record was heard on the local network.
    .meaning = Nothing was exchanged; the record is as it was.
    .hint = Start "carnet sync --watch --local" on the other device, on the same network. Some networks let no device hear another: then give the address that it shows, with --peer.
error-no-other-device = This record has no other device.
    .meaning = There is nobody to be found on the local network; the record is whole on this device.
    .hint = Add one with "carnet pair invite".
error-not-admitted = The other side does not know this device: not admitted yet, removed, or the record is not there.
    .meaning = What is on this device stays; nothing new came.
    .hint = If it was just admitted, run "carnet sync"; else ask for a new invitation.
error-not-confirmed = You did not confirm.
    .meaning = Nothing was done.
    .hint = Run the command again when you are sure.
error-not-granted = This device may not do that in this record.
    .meaning = Nothing was done.
    .hint = Ask an owner of the record.
error-nothing-to-import = There is nothing to take in from { $path }.
    .meaning = Nothing was saved.
    .hint = Check that it is the right file and that it is complete.
error-not-of-kind = { $path } is not of the kind that was asked for.
    .meaning = Nothing was saved.
    .hint = Without --kind, Carnet recognises the kind of the file by itself.
error-other-person = { $path } speaks of someone else than this record.
    .meaning = Nothing was saved: data of two people are not mixed.
    .hint = Choose the right record with --record. If it is the same person, add --accept-other-person.
error-other-relay = This record has another relay already.
    .meaning = Nothing was exchanged; the record is as it was.
    .hint = Run "carnet sync" without --relay.
error-other-side-silent = The other device did not answer in time: nobody has said yes or no there, or it was ended.
    .meaning = Nothing has come. If the digits were confirmed here, this device keeps its place in the record for now.
    .hint = If the other person has said yes meanwhile, run "carnet sync". Otherwise start again: "carnet pair invite" there, then "carnet pair join" here with the new invitation.
error-ours = The program met a fault of its own: { $reason }.
    .meaning = What was said to be saved is saved; this command changed nothing.
    .hint = Report it with this sentence and the version ("carnet --version").
error-own-device = A device cannot remove itself.
    .meaning = Nothing was done.
    .hint = Remove it from another device of the record.
error-pairing-altered = A message of the pairing was altered on its way, or belongs to another invitation.
    .meaning = The pairing is abandoned: no access was given.
    .hint = Start again with a new invitation, handed over in person.
error-partly-refused = { $count ->
        [one] One row was refused.
       *[other] { $count } rows were refused.
    }
    .meaning = Everything else was saved.
    .hint = Reasons and places are in the report; --report FILE gives it whole.
error-passphrase-length = The passphrase is empty, too long, or not text.
    .meaning = The vault has not changed.
    .hint = Give a passphrase on one line.
error-passphrase-weak = This passphrase would be too easy to guess.
    .meaning = The vault has not changed.
    .hint = Take one of at least nine characters, without runs or dates: four or five unrelated words do well.
error-passphrases-differ = The two entries of the new passphrase are different.
    .meaning = The vault has not changed.
    .hint = Try again, without hurry.
error-peer-malformed = The other side did not send what the protocol has.
    .meaning = What was exchanged before is kept; nothing doubtful was taken.
    .hint = Check the address and the versions of both sides, then try again.
error-read-only = The disk, or the folder of the vault, is read-only.
    .meaning = What was said to be saved is saved; this command changed nothing.
    .hint = Make it writable for your account, then try again.
error-record-ambiguous = Several records have this name.
    .meaning = Nothing was done.
    .hint = Name it by its identifier; "carnet record list" gives them.
error-record-exists = A record has this name already.
    .meaning = Nothing was done.
    .hint = Choose another name.
error-record-unknown = No record has this name or identifier.
    .meaning = Nothing was done.
    .hint = "carnet record list" gives the names.
error-relay-alarm = The relay does not act as an honest one: { $what }.
    .meaning = This device keeps its own state; nothing was lost or undone here.
    .hint = Compare with another device and ask whoever runs the relay; only then "carnet sync --trust-again".
error-relay-contradicted = The relay and a device of this record contradict each other: { $what }.
    .meaning = One of the two says what is not so; nothing proves which. Everything was exchanged; nothing is lost or undone.
    .hint = "carnet status" names the device. If it is no longer in your hands, remove it ("carnet device remove"): that ends this. If it is, exchange between your devices without the relay ("carnet sync --peer" or "--file") and ask whoever runs the relay; only then "carnet sync --trust-again", on each device that says so.
error-relay-refuses = The relay refuses the request ({ $reason }).
    .meaning = What is left to send is kept on this device.
    .hint = Try again later; if it lasts, ask whoever runs the relay.
error-relay-unseen = This device has not reached the record's relay in the last seven days.
    .meaning = Nothing was done: the relay would refuse the removal.
    .hint = Run "carnet sync", then try again.
error-removals-full = This record has as many removals of devices as it may.
    .meaning = Nothing was done.
    .hint = Begin a new record and import an export of this one.
error-rules = { $rules }
    .meaning = Nothing was saved.
    .hint = Mend what was typed and try again.
error-rules-ahead = These rules are dated { $date }, which is still to come.
    .meaning = They are not taken; the rules in force stay the same.
    .hint = Check the clock of this device, or where the file comes from.
error-rules-form = This file is no signed file of rules that Carnet can follow (at { $place }).
    .meaning = It is not taken; the rules in force stay the same.
    .hint = Ask whoever publishes it for it again. Its form is described in docs/format.md.
error-rules-not-newer = These rules are not newer than those of { $kept }, which are in force.
    .meaning = They are not taken; the rules in force stay the same.
    .hint = "agenda rules" shows the rules in force.
error-rules-signature = The signature of these rules does not hold: they were altered, or signed by another than the one you accepted.
    .meaning = They are not followed; those in force stay the same.
    .hint = Ask whoever publishes the file for it again, and compare the fingerprint of the key.
error-ticket-closed = This invitation was used already, or has expired.
    .meaning = No access was given.
    .hint = Ask for a new invitation.
error-ticket-needs-place = The invitation must go somewhere, and there is no terminal to show it.
    .meaning = No invitation was made.
    .hint = Give --ticket-out FILE; a code to read out is shown on a terminal only, without --json.
error-too-large = { $path } is too large.
    .meaning = Nothing was saved.
    .hint = Cut it into parts, then try again.
error-too-many-files = There are more than { $max } files.
    .meaning = Nothing was saved.
    .hint = Import the folders in several goes.
error-unlock-too-long = The vault cannot stay open for more than seven days.
    .meaning = The vault has not changed.
    .hint = Give a shorter time.
error-unreachable = Nobody answers at that address, or the connection broke.
    .meaning = What was exchanged before is kept; the rest waits on this device.
    .hint = Check the network and that the relay runs, then try again.
error-usage = { $what }
    .meaning = Nothing was done.
    .hint = "carnet --help" lists the commands; "carnet COMMAND --help" lists their options.
error-vault-exists = There is a vault here already.
    .meaning = The vault has not changed.
    .hint = Open it, or choose another folder.
error-vault-version = This vault has format { $version }, which this version of Carnet does not know.
    .meaning = Nothing was read or changed.
    .hint = Install a newer version of Carnet.
error-waiting = This device still waits to be admitted to the record, or for its first sync.
    .meaning = Nothing was done.
    .hint = Finish the pairing, then run "carnet sync".
error-worker-failed = The reader of files ended unexpectedly.
    .meaning = Nothing was saved.
    .hint = Try again; if it happens again, report it without the file.
error-wrong-passphrase = The passphrase does not open this vault.
    .meaning = The vault stayed closed; nothing was read or changed.
    .hint = Check the typing, the language of the keyboard and the folder. Nobody can reset a passphrase; the recovery kit opens the record again on a new device.
