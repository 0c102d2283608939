//! What is asked of an engine: questions, and listings in an order.

use js_sys::Array;
use stratamem_core::{Expression, RecordId, Request};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::convert::{self, QueryInput};
use crate::error::{to_js, within};
use crate::handle::{EngineHandle, moment, scope};

#[wasm_bindgen]
impl EngineHandle {
    /// Answers questions, one after the other, or none if one of them is refused. `asked` and `filters` have a place for
    /// each: a list of its text, its vector and what encoders have made of that (pairs of a name and a vector), and after it
    /// the same of each of its parts; its filter.
    pub fn recall(
        &self,
        view: JsValue,
        queries: Vec<JsValue>,
        asked: &Array,
        filters: &Array,
        now: f64,
    ) -> Result<Array, JsValue> {
        let path = |at: usize| (queries.len() > 1).then(|| format!("queries/{at}"));
        let mut requests = Vec::with_capacity(queries.len());
        for (at, query) in queries.iter().enumerate() {
            let read = || -> Result<Request, JsValue> {
                let place = at as u32;
                let input: QueryInput = convert::read(query.clone(), "query")?;
                let asked = convert::asked(&asked.get(place).unchecked_into())?;
                let query = input.query(asked, convert::filter(filters.get(place))?)?;
                Ok(Request { query, space: input.space, touch: input.touch })
            };
            requests.push(read().map_err(|error| within(error, path(at).as_deref()))?);
        }
        let answers = self.engine.borrow_mut().recall_many(&scope(view)?, requests, moment(now));
        let answers = answers.map_err(|refused| {
            let (at, error) = *refused;
            within(to_js(error), path(at).as_deref())
        })?;
        answers.iter().map(|hits| convert::write_hits(hits)).collect()
    }

    /// Reads questions: of each a list of pairs, a text and what to embed for it; the whole first, then its parts. `ways`
    /// says how each is read: 0 as one question, 1 with its parts, 2 in the syntax of queries.
    #[wasm_bindgen(js_name = readQuestions)]
    pub fn read_questions(
        &self,
        view: JsValue,
        questions: Vec<String>,
        ways: &[u8],
    ) -> Result<Array, JsValue> {
        let view = scope(view)?;
        let engine = self.engine.borrow();
        let pair = |text: &str, words: &str| {
            JsValue::from(Array::of2(&text.into(), &engine.dense_query(&view, words).into()))
        };
        let read = |(at, (question, way)): (usize, (&String, &u8))| -> Result<JsValue, JsValue> {
            if *way == 2 {
                let path = (questions.len() > 1).then(|| format!("queries/{at}"));
                let expression = Expression::parse(question);
                let expression = expression.map_err(|error| within(to_js(error), path.as_deref()))?;
                return Ok(Array::of1(&pair(question, &expression.words())).into());
            }
            let parts = if *way == 1 { engine.parts(&view, question) } else { Vec::new() };
            let texts = std::iter::once(question).chain(&parts);
            Ok(texts.map(|text| pair(text, text)).collect::<Array>().into())
        };
        questions.iter().zip(ways).enumerate().map(read).collect()
    }

    /// The page of a listing after a cursor, or the first one.
    pub fn page(
        &self,
        view: JsValue,
        filter: JsValue,
        order: JsValue,
        cursor: Option<String>,
        limit: usize,
        now: f64,
    ) -> Result<JsValue, JsValue> {
        let listing = convert::listing(filter, order)?;
        let engine = self.engine.borrow();
        let page = engine.page(&scope(view)?, &listing, cursor.as_deref(), limit, moment(now));
        convert::write_cursor_page(&page.map_err(to_js)?)
    }

    /// The ids of a listing after a cursor, or of all of it, in its order.
    pub fn order(
        &self,
        view: JsValue,
        filter: JsValue,
        order: JsValue,
        cursor: Option<String>,
        now: f64,
    ) -> Result<Vec<String>, JsValue> {
        let listing = convert::listing(filter, order)?;
        let ids = self.engine.borrow().order(&scope(view)?, &listing, cursor.as_deref(), moment(now));
        Ok(ids.map_err(to_js)?.iter().map(RecordId::to_string).collect())
    }

    /// Those of the records that there are still and that pass the filter still.
    pub fn records(
        &self,
        view: JsValue,
        filter: JsValue,
        ids: Vec<String>,
        now: f64,
    ) -> Result<JsValue, JsValue> {
        let filter = convert::filter(filter)?;
        let ids = ids.iter().map(|id| convert::id(id)).collect::<Result<Vec<_>, _>>()?;
        let records = self.engine.borrow().records(&scope(view)?, filter.as_ref(), &ids, moment(now));
        convert::write_each(&records)
    }
}
