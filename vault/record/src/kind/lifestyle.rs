//! How a person lives: the form of Mon espace santé, with its questions, its codes and its bounds. A record has one; what
//! was answered before stays in its history.

use crate::form::{
    Answers::{Among, Number},
    Question, form,
};

crate::code_enum! {
    /// How often fruit and vegetables are eaten.
    pub enum FruitFrequency {
        /// Every day.
        EveryDay = "EVERYDAY",
        /// Not every day.
        NotEveryDay = "NOT_EVERYDAY",
        /// Not at all.
        No = "NO",
    }
}

crate::code_enum! {
    /// How often fat or sweet food is eaten.
    pub enum FoodFrequency {
        /// Every day or nearly.
        EveryDayOrAlmost = "EVERY_DAY_OR_ALMOST",
        /// More than once a week.
        MoreThanOnceAWeek = "MORE_ONCE_A_WEEK",
        /// More than once a month.
        MoreThanOnceAMonth = "MORE_ONCE_A_MONTH",
        /// Never.
        Never = "NEVER",
    }
}

crate::code_enum! {
    /// Whether a habit was taken up.
    pub enum Adopted {
        /// Yes.
        Yes = "YES",
        /// No.
        No = "NO",
    }
}

crate::code_enum! {
    /// On how many days of a week there are 30 minutes of activity or more.
    pub enum WeekFrequency {
        /// On none.
        Never = "NEVER",
        /// On one or two.
        OneOrTwo = "ONE_TO_TWO_TIMES_A_WEEK",
        /// On three or four.
        ThreeOrFour = "THREE_TO_FOUR_TIMES_A_WEEK",
        /// On five to seven.
        FiveToSeven = "FIVE_TO_SEVEN_TIMES_A_WEEK",
    }
}

crate::code_enum! {
    /// Where more than two hours are spent sitting.
    pub enum Sitting {
        /// At work or at school.
        AtWork = "IN_MY_WORK_IN_MY_STUDIES",
        /// In spare time.
        InSpareTime = "IN_MY_SPARE_TIME",
        /// Both.
        Both = "BOTH",
        /// Neither.
        Neither = "NEITHER_OF_TWO",
    }
}

crate::code_enum! {
    /// Whether the person smokes tobacco.
    pub enum Smoking {
        /// Every day.
        EveryDay = "YES_EVERY_DAY",
        /// Now and then.
        Occasionally = "YES_OCCASIONALLY",
        /// No.
        No = "NO",
        /// Not any more.
        InThePast = "NO_BUT_I_HAVE_SMOKED_IN_THE_PAST",
    }
}

crate::code_enum! {
    /// Since when the person has stopped smoking.
    pub enum SmokingStopped {
        /// For less than a year.
        LessThanOneYear = "SINCE_LESS_THAN_ONE_YEAR",
        /// For one to five years.
        OneToFiveYears = "BETWEEN_ONE_YEAR_AND_FIVE_YEARS_AGO",
        /// For more than five years.
        MoreThanFiveYears = "SINCE_MORE_THAN_FIVE_YEARS",
    }
}

crate::code_enum! {
    /// Whether the person uses electronic cigarettes.
    pub enum Vaping {
        /// Every day.
        EveryDay = "YES_EVERY_DAY",
        /// Now and then.
        Occasionally = "YES_OCCASIONALLY",
        /// No.
        No = "NO",
        /// Not any more.
        InThePast = "NO_BUT_I_HAVE_VAPED_IN_THE_PAST",
    }
}

crate::code_enum! {
    /// How the person sleeps.
    pub enum SleepQuality {
        /// Well.
        Good = "GOOD",
        /// Badly at times.
        BadSometimes = "BAD_SOMETIMES",
        /// Badly often.
        BadOften = "BAD_OFTEN",
        /// Badly always.
        BadAlways = "BAD_ALL_TIMES",
    }
}

crate::code_enum! {
    /// How often the person looks at screens before sleeping.
    pub enum ScreenFrequency {
        /// Never.
        Never = "NEVER",
        /// Several times a month.
        SeveralTimesAMonth = "SEVERAL_TIMES_MONTH",
        /// Several times a week.
        SeveralTimesAWeek = "SEVERAL_TIMES_WEEK",
        /// Every day.
        EveryDay = "EVERY_DAY",
    }
}

const fn ask(code: &'static str, codes: &'static [&'static str]) -> Question {
    Question::new(code, Among(codes))
}

form! {
    /// How a person lives, in six parts: food, physical activity, tobacco, sleep, screens, alcohol.
    pub struct Lifestyle {
        /// Fruit and vegetables.
        fruit: FruitFrequency = ask("FOOD_FRUIT.FREQUENCY", FruitFrequency::KNOWN),
        /// Fat food.
        fat: FoodFrequency = ask("FOOD_FAT.FREQUENCY", FoodFrequency::KNOWN),
        /// Sweet food and drinks.
        sugar: FoodFrequency = ask("FOOD_SUGAR.FREQUENCY", FoodFrequency::KNOWN),
        /// Whether attention is paid to salt.
        salt: Adopted = ask("FOOD_SALT.ADOPTED", Adopted::KNOWN),
        /// Whether there is regular physical activity.
        exercise: Adopted = ask("PHYSICAL_ACTIVITY_REGULARLY.ADOPTED", Adopted::KNOWN),
        /// On how many days of a week, 30 minutes or more.
        exercise_days: WeekFrequency =
            ask("PHYSICAL_ACTIVITY_WEEK_FREQUENCY", WeekFrequency::KNOWN).only_if("exercise", "YES"),
        /// More than two hours spent sitting.
        sitting: Sitting = ask("PHYSICAL_ACTIVITY_SAT.SAT_FREQUENCY", Sitting::KNOWN),
        /// Tobacco.
        smoking: Smoking = ask("TOBACCO_MANUAL.SMOKE_FREQUENCY", Smoking::KNOWN),
        /// Cigarettes a day.
        cigarettes: u16 =
            Question::new("TOBACCO_MANUAL.COUNT", Number { low: 1, high: 99 }).only_if("smoking", "YES_EVERY_DAY"),
        /// Since when the person has stopped.
        smoking_stopped: SmokingStopped = ask("TOBACCO_MANUAL.SMOKE_STOPPED", SmokingStopped::KNOWN)
            .only_if("smoking", "NO_BUT_I_HAVE_SMOKED_IN_THE_PAST"),
        /// Electronic cigarettes.
        vaping: Vaping = ask("TOBACCO_ELECTRONIC.SMOKE_FREQUENCY", Vaping::KNOWN),
        /// Sleep.
        sleep: SleepQuality = ask("SLEEP_QUALITY.SLEEP_QUALITY_TYPE", SleepQuality::KNOWN),
        /// Screens before sleeping.
        screens: ScreenFrequency = ask("SCREEN_SLEEP.SCREEN_SLEEP_TYPE", ScreenFrequency::KNOWN),
        /// Days a week with alcohol.
        alcohol_days: u16 = Question::new("ALCOHOL_DAYS.ALCOHOL_DAYS_COUNT", Number { low: 0, high: 7 }),
        /// Glasses of alcohol a week.
        alcohol_glasses: u16 = Question::new("ALCOHOL_UNITS.ALCOHOL_UNITS_COUNT", Number { low: 0, high: 999 }),
        /// Whether six glasses or more are drunk on one occasion.
        alcohol_binge: Adopted = ask("ALCOHOL_BINGE.ADOPTED", Adopted::KNOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::{Form, settle};

    #[test]
    fn every_answer_of_the_national_form_is_kept_and_nothing_else_is_one() {
        for question in Lifestyle::QUESTIONS {
            let (right, wrong): (Vec<String>, &[&str]) = match question.answers {
                Among(codes) => (codes.iter().map(|code| (*code).to_owned()).collect(), &["", "MAYBE", "yes"]),
                Number { low, high } => (vec![low.to_string(), high.to_string()], &["", "-1", "1000", "1.5", "x"]),
                _ => panic!("{} has no such question", question.field),
            };
            for answer in &right {
                assert!(question.answers.take(answer), "{} {answer}", question.code);
                let mut lifestyle = Lifestyle::default();
                assert!(lifestyle.keep(question.field, Some(answer)));
                assert_eq!(lifestyle.kept(question.field).as_ref(), Some(answer));
            }
            for answer in wrong {
                assert!(!question.answers.take(answer), "{} {answer}", question.code);
            }
        }
        assert!(!Lifestyle::default().keep("colour", Some("blue")));
    }

    #[test]
    fn a_question_is_asked_only_where_another_answer_calls_for_it() {
        let mut lifestyle = Lifestyle {
            smoking: Some(Smoking::EveryDay),
            cigarettes: Some(10),
            exercise: Some(Adopted::No),
            ..Lifestyle::default()
        };
        let answered = |own: &Lifestyle| own.answers().iter().map(|(question, _)| question.field).collect::<Vec<_>>();
        assert_eq!(answered(&lifestyle), ["exercise", "smoking", "cigarettes"]);
        lifestyle.smoking = Some(Smoking::InThePast);
        assert_eq!(answered(&lifestyle), ["exercise", "smoking"]);
        assert_eq!(lifestyle.cigarettes, Some(10), "what is not asked is not thrown away by looking at it");
        settle(&mut lifestyle, &["cigarettes"]);
        assert_eq!(lifestyle.cigarettes, Some(10), "what was given just now is for the rules to refuse");
        settle(&mut lifestyle, &[]);
        assert_eq!(lifestyle.cigarettes, None);
    }
}
