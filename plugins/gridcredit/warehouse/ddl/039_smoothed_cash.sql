-- What exponential smoothing says, as of a month-end, of the months after it; `fitted_to` tells the months it was fitted to.
create table ops.smoothed_cash (
    month_end    date not null,
    months_ahead integer not null check (months_ahead between 1 and 4),
    amount       numeric(18, 2) not null,
    fitted_to    text not null,
    primary key (month_end, months_ahead)
);
